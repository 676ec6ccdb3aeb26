/**
 * What clients on this host look at in this worker's memory: each lease pins a block until the client releases it or
 * ends its connection. This side never takes one back: the client may be reading at any moment. So what one client,
 * and what all together, may hold is bounded; beyond, answers are copied.
 */
import type { ServerConnection } from '@tidecache/transport';
import type { Block } from '../block.js';
import { LEASED_SHARE, MAX_LEASED_BYTES, MAX_LEASES } from '../limits.js';
import type { BlockStore } from '../store.js';

interface Lease {
  readonly block: Block;
  readonly bytes: number;
}

interface Holder {
  readonly leases: Map<number, Lease>;
  bytes: number;
}

export class Leases {
  readonly #store: BlockStore;
  readonly #holders = new Map<ServerConnection, Holder>();
  #bytes = 0;

  constructor(store: BlockStore) {
    this.#store = store;
  }

  /** Bytes of blocks that clients may be looking at. */
  get bytes(): number {
    return this.#bytes;
  }

  /** From now on the client may be given leases: it has asked where the memory is. */
  admit(connection: ServerConnection): void {
    if (this.#holders.has(connection)) return;
    this.#holders.set(connection, { leases: new Map(), bytes: 0 });
    connection.linger();
    connection.onClose(() => this.#releaseAll(connection));
  }

  /**
   * False when it can't have one: the answer is copied then. `lease` is the client's number for it. Whom it is granted
   * to for nobody's read yet may fill no more than a `share` of what there is.
   */
  grant(connection: ServerConnection, lease: number, block: Block, bytes: number, share = 1): boolean {
    const holder = this.#holders.get(connection);
    if (!holder || holder.leases.has(lease) || holder.leases.size >= MAX_LEASES) return false;
    if (holder.bytes + bytes > MAX_LEASED_BYTES * share) return false;
    if (this.#bytes + bytes > this.#store.pool.capacityBytes * LEASED_SHARE * share) return false;
    this.#store.pin(block);
    holder.leases.set(lease, { block, bytes });
    holder.bytes += bytes;
    this.#bytes += bytes;
    return true;
  }

  /** The client looks no more. Numbers that it was given nothing for are ignored: it says them to be sure. */
  release(connection: ServerConnection, leases: readonly number[]): void {
    const holder = this.#holders.get(connection);
    for (const number of leases) {
      const lease = holder?.leases.get(number);
      if (!holder || !lease) continue;
      holder.leases.delete(number);
      holder.bytes -= lease.bytes;
      this.#bytes -= lease.bytes;
      this.#store.unpin(lease.block);
    }
  }

  #releaseAll(connection: ServerConnection): void {
    this.release(connection, [...(this.#holders.get(connection)?.leases.keys() ?? [])]);
    this.#holders.delete(connection);
  }
}
