/**
 * A worker's memory as this process maps it, for as long as one connection to the worker's Unix-domain socket lasts.
 * The worker lends ranges of it and takes none back by itself; when the connection ends, all are revoked before
 * anything else runs here, and what the worker does with the memory then is nobody's business any more.
 */
import {
  decodeBody,
  decodeMapped,
  EMPTY_BODY,
  encodeRelease,
  OPCODES,
  SharedMemory,
  TidecacheError,
  WORKER_ATTEMPT_MS,
} from '@tidecache/protocol';
import { attachSharedMemory, type MappedMemory } from '@tidecache/shared-memory';
import type { Peer } from '@tidecache/transport';
import { Lease } from './lease.js';

const LAST_LEASE = 0xffff_ffff;

export class Mapping {
  readonly #peer: Pick<Peer, 'tell'>;
  readonly #memory: MappedMemory;
  readonly #leases = new Set<Lease>();
  #lastLease = 0;
  #released: number[] = [];
  #ended = false;

  constructor(peer: Pick<Peer, 'tell'>, memory: MappedMemory) {
    this.#peer = peer;
    this.#memory = memory;
  }

  /** Rejects with UNSUPPORTED when the worker shares nothing that can be mapped here, and as {@link Peer.request}. */
  static async open(peer: Peer): Promise<Mapping> {
    const { body } = await peer.request(OPCODES.MAP.wire, EMPTY_BODY, { deadlineMs: WORKER_ATTEMPT_MS });
    return new Mapping(peer, attachSharedMemory(decodeBody(SharedMemory, body, 'MAP reply')));
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
        if (this.#leases.delete(lease)) this.release(number);
      });
      this.#leases.add(lease);
      return lease;
    } catch (error) {
      this.release(number);
      throw error;
    }
  }

  /** Nobody looks at what was asked for with `number`. Those of one turn go together. */
  release(number: number): void {
    if (this.#ended) return;
    if (this.#released.push(number) === 1) process.nextTick(() => this.#tell());
  }

  /** The connection has ended. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const lease of this.#leases) lease.revoke();
    this.#leases.clear();
    void this.#memory.close();
  }

  #tell(): void {
    const numbers = this.#released;
    this.#released = [];
    if (!this.#ended) this.#peer.tell(OPCODES.RELEASE.wire, encodeRelease(numbers));
  }
}
