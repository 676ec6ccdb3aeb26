/**
 * The other workers of the ring, as far as hot blocks go: who owns a block, which ones this worker is asked for while
 * their file is hot, and the connections to copy them from their owners.
 */
import {
  CONNECT_MS,
  createPlacement,
  createSpread,
  EMPTY_BODY,
  encodeRead,
  encodeSource,
  type FileId,
  laneOf,
  lanesOf,
  OPCODES,
  type Placement,
  READ_AHEAD,
  READ_COPY,
  READ_WHOLE_BLOCK,
  type Ring,
  type RingMember,
  type Spread,
  TidecacheError,
} from '@tidecache/protocol';
import type { Address, Peer, RequestOptions } from '@tidecache/transport';
import type { Fill } from '../fill/fill.js';
import { COPY_DEADLINE_MS, COPY_SILENCE_MS } from '../limits.js';

export interface NeighboursInit {
  /** This worker's own id. */
  readonly id: string;
  /** Which of its lanes asks, and how many it has: only its own blocks are copied ahead here. */
  readonly lane: number;
  readonly lanes: number;
  readonly connect: (address: Address) => Peer;
}

export class Neighbours {
  readonly #init: NeighboursInit;
  /** By worker and lane. */
  readonly #peers = new Map<string, { readonly where: string; readonly peer: Peer }>();
  #placement: Placement | undefined;
  #spread: Spread | undefined;
  #closed = false;

  constructor(init: NeighboursInit) {
    this.#init = init;
  }

  /** Takes a new ring. Connections to who left, or moved, are closed. */
  setRing(ring: Ring): void {
    if (this.#closed) return;
    this.#placement = createPlacement(ring);
    this.#spread = createSpread(this.#placement);
    const places = new Map(
      ring.members.flatMap((member) =>
        lanesOf(member).map(({ port }, lane) => [keyOf(member, lane), where(member.host, port)]),
      ),
    );
    for (const [key, known] of this.#peers) {
      if (places.get(key) === known.where) continue;
      this.#peers.delete(key);
      void known.peer.close();
    }
  }

  /** Who owns a block; undefined when it's this worker, or no ring is known. */
  ownerOf(fileId: FileId, blockIndex: number): RingMember | undefined {
    const owner = this.#placement?.rank(fileId, blockIndex, 1)[0];
    return owner?.id === this.#init.id ? undefined : owner;
  }

  /** The blocks of the `groups` groups after that of `blockIndex` which this worker is asked for, and does not own. */
  sharesAfter(fileId: FileId, blocks: number, blockIndex: number, groups: number): number[] {
    const spread = this.#spread;
    if (!spread || spread.groupBlocks === 0) return [];
    const shares: number[] = [];
    const group = Math.floor(blockIndex / spread.groupBlocks);
    for (let next = group + 1; next <= group + groups; next++) {
      shares.push(...spread.sharesOf(this.#init.id, fileId, blocks, next));
    }
    const { lane, lanes } = this.#init;
    return shares.filter(
      (block) => laneOf(fileId, block, lanes) === lane && this.ownerOf(fileId, block) !== undefined,
    );
  }

  /** Dials the owners of what this worker will be asked for in the `groups` groups after that of `blockIndex`. */
  dialAhead(fileId: FileId, blocks: number, blockIndex: number, groups: number): void {
    for (const share of this.sharesAfter(fileId, blocks, blockIndex, groups)) {
      const owner = this.ownerOf(fileId, share);
      const peer = owner && this.#peerOf(owner, fileId, share);
      if (!peer || peer.connected) continue;
      peer.request(OPCODES.PING.wire, EMPTY_BODY, { deadlineMs: CONNECT_MS }).catch(() => {});
    }
  }

  /**
   * Reads what a fill is for from the block's owner. Resolves when all of it is there; rejects as Peer.request, and
   * with CORRUPT when the answer is short.
   */
  async read(
    owner: RingMember,
    fill: Fill,
    options: Pick<RequestOptions, 'into' | 'signal' | 'onProgress'>,
  ): Promise<void> {
    const fileId = fill.block.key.slice(0, -4) as FileId;
    const body = encodeRead({
      lease: 0,
      fileId,
      blockIndex: fill.blockIndex,
      offset: fill.from,
      length: fill.bytes,
      // Without READ_SPREAD: an owner by an older ring goes to the origin, and asks nobody else.
      flags: READ_WHOLE_BLOCK | READ_COPY | (fill.readAhead ? READ_AHEAD : 0),
      source: encodeSource(fill.source),
    });
    const { payloadBytes } = await this.#peerOf(owner, fileId, fill.blockIndex).request(
      OPCODES.READ.wire,
      body,
      {
        ...options,
        deadlineMs: COPY_DEADLINE_MS,
        silenceMs: COPY_SILENCE_MS,
      },
    );
    if (payloadBytes !== fill.bytes) {
      const what = `worker ${owner.id} sent ${payloadBytes} of ${fill.bytes} bytes of ${fill.source.key}`;
      throw new TidecacheError('CORRUPT', what);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const known = [...this.#peers.values()];
    this.#peers.clear();
    await Promise.all(known.map(({ peer }) => peer.close()));
  }

  #peerOf(member: RingMember, fileId: FileId, blockIndex: number): Peer {
    if (this.#closed) throw new TidecacheError('CANCELLED', 'the worker is closing');
    const lanes = lanesOf(member);
    const lane = laneOf(fileId, blockIndex, lanes.length);
    const address = { host: member.host, port: lanes[lane]!.port };
    const key = keyOf(member, lane);
    const place = where(address.host, address.port);
    const known = this.#peers.get(key);
    if (known?.where === place) return known.peer;
    void known?.peer.close();
    const peer = this.#init.connect(address);
    this.#peers.set(key, { where: place, peer });
    return peer;
  }
}

const keyOf = ({ id }: RingMember, lane: number): string => `${id} ${lane}`;
const where = (host: string, port: number): string => `${host} ${port}`;
