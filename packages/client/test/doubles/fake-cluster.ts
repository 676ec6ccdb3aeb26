/** A master, workers and an origin without a network, that fail as their chance has it. */
import {
  decodeRead,
  decodeSource,
  HOT_REPLY,
  READ_REFERABLE,
  type RingMember,
  type Source,
  TidecacheError,
} from '@tidecache/protocol';
import type { Origin, ReadCall } from '@tidecache/storage';
import { type Address, addressText, type Peer, type PeerEvents, type PeerInit } from '@tidecache/transport';
import { contentOf } from './content.js';
import type { FakeClock } from './fake-clock.js';
import { FakeMaster } from './fake-master.js';
import { type FakeCall, FakePeer } from './fake-peer.js';
import type { Chance } from './random.js';

/** Probabilities of what may go wrong with one request, and latencies in milliseconds. */
export interface Faults {
  readonly busy: number;
  readonly corrupt: number;
  readonly short: number;
  readonly silent: number;
  readonly broken: number;
  readonly failed: number;
  readonly originFailed: number;
  /** Refers who may be referred to the spread. */
  readonly refers: number;
  readonly slowMs: number;
}

export const NO_FAULTS: Faults = {
  busy: 0,
  corrupt: 0,
  short: 0,
  silent: 0,
  broken: 0,
  failed: 0,
  originFailed: 0,
  refers: 0,
  slowMs: 2,
};

export class FakeWorker {
  readonly member: RingMember;
  readonly peers = new Set<FakePeer>();
  alive = true;
  reads = 0;
  pings = 0;
  /** The flags of its reads, and their blocks. */
  readonly blocks: number[] = [];
  readonly flags: number[] = [];
  readonly ranges: { from: number; to: number }[] = [];

  constructor(index: number) {
    this.member = { id: `w${index}`, host: 'worker', port: 7000 + index, hostId: 'elsewhere', weight: 1 };
  }

  die(): void {
    this.alive = false;
    for (const peer of this.peers) {
      peer.connected = false;
      peer.break();
    }
  }

  revive(): void {
    this.alive = true;
    for (const peer of this.peers) peer.connected = true;
  }
}

export class FakeCluster {
  readonly master: FakeMaster;
  readonly workers: FakeWorker[] = [];
  readonly clock: FakeClock;
  readonly chance: Chance;
  faults: Faults;
  /** The version that each key has at the origin now; absent: the object is gone. */
  readonly objects = new Map<string, string>();
  originReads = 0;
  originReadsNow = 0;
  mostOriginReads = 0;
  originsOpen = 0;
  /** Workers say that many read in step. */
  hot = false;
  /** A worker that has a version in memory serves it after the origin lost it. */
  holds = 0.5;

  constructor(clock: FakeClock, chance: Chance, workers: number, faults: Faults = NO_FAULTS) {
    this.clock = clock;
    this.chance = chance;
    this.faults = faults;
    this.master = new FakeMaster(clock);
    for (let i = 0; i < workers; i++) this.workers.push(new FakeWorker(i));
    this.master.ring = { epoch: 1, members: this.workers.map(({ member }) => member) };
  }

  readonly createPeer = ({ address, events }: PeerInit): Peer => {
    if (addressText(address) === 'master:1') return this.master.connect(address, events);
    return this.#connectWorker(address, events);
  };

  readonly openOrigin = (): Origin => {
    this.originsOpen++;
    const read = (key: string, call: ReadCall) => this.#originRead(key, call);
    const close = async () => {
      this.originsOpen--;
    };
    return { uri: 's3://bucket/prefix', read, close } as unknown as Origin;
  };

  #connectWorker(address: Address, events?: PeerEvents): Peer {
    const worker = this.workers.find(({ member }) => 'port' in address && member.port === address.port)!;
    const peer = new FakePeer(address, this.clock, (call) => this.#serve(worker, call), events);
    peer.connected = worker.alive;
    worker.peers.add(peer);
    return peer;
  }

  #later(action: () => void): void {
    this.clock.after(this.chance.next() * this.faults.slowMs, action);
  }

  #serve(worker: FakeWorker, call: FakeCall): void {
    if (!worker.alive) {
      // Refused at once, or a host that is gone without a word.
      if (this.chance.happens(0.7)) {
        this.#later(() => call.fail(new TidecacheError('UNREACHABLE', 'connection refused')));
      }
      return;
    }
    if (call.body.length === 0) {
      worker.pings++;
      this.#later(() => worker.alive && call.reply());
      return;
    }
    this.#later(() => this.#serveRead(worker, call));
  }

  #serveRead(worker: FakeWorker, call: FakeCall): void {
    if (call.settled || !worker.alive) return;
    const request = decodeRead(call.body);
    const source = decodeSource(request.source, request.fileId);
    const from = request.blockIndex * source.blockBytes + request.offset;
    worker.reads++;
    worker.flags.push(request.flags);
    worker.blocks.push(request.blockIndex);
    worker.ranges.push({ from, to: from + request.length });
    const refusal = this.#refusal(source);
    if (refusal) call.fail(refusal);
    else if ((request.flags & READ_REFERABLE) !== 0 && this.chance.happens(this.faults.refers)) {
      call.reply(HOT_REPLY);
    } else if (!this.chance.happens(this.faults.silent)) {
      this.#send(worker, call, contentOf(source.version, from, from + request.length), 0);
    }
  }

  #refusal(source: Source): TidecacheError | undefined {
    const { chance, faults } = this;
    if (chance.happens(faults.busy)) return new TidecacheError('BUSY', 'full');
    if (chance.happens(faults.failed)) {
      return new TidecacheError(chance.pick(['ORIGIN_FAILED', 'INTERNAL', 'NOT_FOUND']), 'it went wrong');
    }
    if (this.objects.get(source.key) !== source.version && !chance.happens(this.holds)) {
      return new TidecacheError('STALE', 'another version by now');
    }
    return undefined;
  }

  /** In one part or several, any of which may be the one that goes wrong. */
  #send(worker: FakeWorker, call: FakeCall, bytes: Buffer, at: number): void {
    if (!worker.alive || call.settled) return;
    const { chance, faults } = this;
    const left = bytes.length - at;
    const part = chance.happens(0.7) ? left : chance.between(1, left);
    const breaks = (code: 'CORRUPT' | 'UNREACHABLE') => {
      call.scribble(Buffer.alloc(part, 0xee));
      call.fail(new TidecacheError(code, 'half-way'));
    };
    if (chance.happens(faults.corrupt)) breaks('CORRUPT');
    else if (chance.happens(faults.broken)) breaks('UNREACHABLE');
    else if (chance.happens(faults.short)) call.reply();
    else {
      call.deliver(bytes.subarray(at, at + part));
      if (part === left) call.reply(this.hot ? HOT_REPLY : undefined);
      else this.#later(() => this.#send(worker, call, bytes, at + part));
    }
  }

  async #originRead(key: string, call: ReadCall): Promise<void> {
    this.originReads++;
    this.originReadsNow++;
    this.mostOriginReads = Math.max(this.mostOriginReads, this.originReadsNow);
    try {
      let at = 0;
      while (at < call.length) {
        await this.clock.sleep(this.chance.next() * this.faults.slowMs);
        if (call.signal?.aborted) throw new TidecacheError('CANCELLED', 'cancelled');
        const version = this.objects.get(key);
        if (version === undefined) throw new TidecacheError('NOT_FOUND', 'no such key');
        if (version !== call.version) throw new TidecacheError('STALE', 'If-Match failed');
        const part = this.chance.happens(0.5) ? call.length - at : this.chance.between(1, call.length - at);
        if (this.chance.happens(this.faults.originFailed)) {
          call.into.fill(0xdd, at, at + part);
          throw new TidecacheError('ORIGIN_FAILED', '503');
        }
        call.into.set(contentOf(version, call.offset + at, call.offset + at + part), at);
        at += part;
        call.onProgress?.(at);
      }
    } finally {
      this.originReadsNow--;
    }
  }
}
