/**
 * A worker's memory as this process maps it, for as long as one connection to the worker's Unix-domain socket lasts.
 * The worker lends ranges of it and takes none back by itself; when the connection ends, all are revoked before
 * anything else runs here, and what the worker does with the memory then is nobody's business any more.
 */
import {
  decodeBody,
  decodeLent,
  decodeMapped,
  EMPTY_BODY,
  encodeLend,
  encodeRelease,
  type FileId,
  type Lent,
  type MappedRange,
  type NotLent,
  OPCODES,
  SharedMemory,
  TidecacheError,
  WORKER_ATTEMPT_MS,
} from '@tidecache/protocol';
import { attachSharedMemory, type MappedMemory } from '@tidecache/shared-memory';
import type { Peer } from '@tidecache/transport';
import type { Clock } from '../clock.js';
import { MAX_HELD_RELEASES, MAX_HELD_RELEASES_BYTES, RELEASE_PAUSE_MS } from '../limits.js';
import { Lease } from './lease.js';
import { Loan } from './loan.js';

const LAST_LEASE = 0xffff_ffff;

/** A file of one block. */
export interface WantedFile {
  readonly fileId: FileId;
  /** Bytes of the whole file. */
  readonly size: number;
}

export class Mapping {
  readonly #peer: Pick<Peer, 'request' | 'tell'>;
  readonly #memory: MappedMemory;
  readonly #clock: Clock;
  readonly #leases = new Set<Lease>();
  #lastLease = 0;
  /** Not told yet, and their bytes. */
  #released: number[] = [];
  #releasedBytes = 0;
  #stopPause: (() => void) | undefined;
  #ended = false;

  constructor(peer: Pick<Peer, 'request' | 'tell'>, memory: MappedMemory, clock: Clock) {
    this.#peer = peer;
    this.#memory = memory;
    this.#clock = clock;
  }

  /** Rejects with UNSUPPORTED when the worker shares nothing that can be mapped here, and as {@link Peer.request}. */
  static async open(peer: Peer, clock: Clock): Promise<Mapping> {
    const { body } = await peer.request(OPCODES.MAP.wire, EMPTY_BODY, { deadlineMs: WORKER_ATTEMPT_MS });
    return new Mapping(peer, attachSharedMemory(decodeBody(SharedMemory, body, 'MAP reply')), clock);
  }

  /** A number to ask with: to be adopted, or released. */
  nextLease(): number {
    this.#lastLease = this.#lastLease === LAST_LEASE ? 1 : this.#lastLease + 1;
    return this.#lastLease;
  }

  /** What a READ with `number` was answered by. Throws what makes the answer useless; the number is released then. */
  adopt(number: number, body: Buffer): Lease {
    try {
      if (this.#ended) throw new TidecacheError('UNREACHABLE', "the worker's memory is mapped no more");
      const parts = decodeMapped(body).map((range) => this.#memory.view(range));
      const lease = new Lease(parts, () => {
        if (this.#leases.delete(lease)) this.release(number, lease.bytes);
      });
      this.#leases.add(lease);
      return lease;
    } catch (error) {
      this.release(number);
      throw error;
    }
  }

  /**
   * The whole of many small files, of which nothing was asked for yet, in one request. Rejects as
   * {@link Peer.request}.
   */
  async borrow(files: readonly WantedFile[]): Promise<(Loan | NotLent)[]> {
    const wanted = files.map(({ fileId, size }) => ({
      ...{ fileId, blockIndex: 0, offset: 0, length: size },
      lease: this.nextLease(),
    }));
    let answers: Lent[];
    try {
      const options = { deadlineMs: WORKER_ATTEMPT_MS };
      const { body } = await this.#peer.request(OPCODES.LEND.wire, encodeLend(wanted), options);
      answers = decodeLent(body, wanted.length);
    } catch (error) {
      // They may have been granted all the same.
      for (const { lease } of wanted) this.release(lease);
      throw error;
    }
    return answers.map((lent, i) => (typeof lent === 'string' ? lent : this.#loan(wanted[i]!, lent)));
  }

  /** The bytes where they lie; undefined when the connection has ended, or the worker named a place that it has not. */
  view(range: MappedRange): Uint8Array | undefined {
    if (this.#ended) return undefined;
    try {
      return this.#memory.view(range);
    } catch {
      return undefined;
    }
  }

  /**
   * Nobody looks at what was asked for with `number`, `bytes` long. Little ones are told together, after a while: to be
   * told of each would cost the worker more than to give them.
   */
  release(number: number, bytes = Number.POSITIVE_INFINITY): void {
    if (this.#ended) return;
    const held = this.#released.push(number);
    const wasDue = this.#releasedBytes >= MAX_HELD_RELEASES_BYTES;
    this.#releasedBytes += bytes;
    if (held >= MAX_HELD_RELEASES) this.#tell();
    else if (wasDue) return;
    else if (this.#releasedBytes >= MAX_HELD_RELEASES_BYTES) process.nextTick(() => this.#tell());
    else this.#stopPause ??= this.#clock.after(RELEASE_PAUSE_MS, () => this.#tell());
  }

  /** The connection has ended. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const lease of this.#leases) lease.revoke();
    this.#leases.clear();
    this.#stopPause?.();
    void this.#memory.close();
  }

  #loan({ lease, length }: { lease: number; length: number }, range: MappedRange): Loan | NotLent {
    if (range.length === length) return new Loan(this, lease, range);
    this.release(lease);
    return 'absent';
  }

  #tell(): void {
    this.#stopPause?.();
    this.#stopPause = undefined;
    const numbers = this.#released;
    this.#released = [];
    this.#releasedBytes = 0;
    if (!this.#ended && numbers.length > 0) this.#peer.tell(OPCODES.RELEASE.wire, encodeRelease(numbers));
  }
}
