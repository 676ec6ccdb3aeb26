/** LEND: many small files at once, for a client on this host. What is not here is not fetched: READ does that. */
import {
  decodeLend,
  encodeLent,
  type LendRequest,
  type Lent,
  type MappedRange,
  PAGE_BYTES,
} from '@tidecache/protocol';
import type { Exchange, ServerConnection } from '@tidecache/transport';
import { type Block, blockKey, pageAt } from '../block.js';
import type { Counters } from '../counters.js';
import { LENT_SHARE } from '../limits.js';
import type { BlockStore } from '../store.js';
import type { Leases } from './leases.js';

export class Lender {
  readonly #store: BlockStore;
  readonly #leases: Leases;
  readonly #counters: Counters;

  constructor(store: BlockStore, leases: Leases, counters: Counters) {
    this.#store = store;
    this.#leases = leases;
    this.#counters = counters;
  }

  /** Throws INVALID on a body that is no LEND. */
  answer(exchange: Exchange): void {
    const { connection } = exchange;
    exchange.reply(encodeLent(decodeLend(exchange.body).map((wanted) => this.#lend(connection, wanted))));
  }

  #lend(connection: ServerConnection, wanted: LendRequest): Lent {
    const { fileId, blockIndex, offset, length, lease } = wanted;
    const block = this.#store.get(blockKey(fileId, blockIndex));
    const range = block && this.#rangeIn(block, offset, offset + length);
    if (!range) return 'absent';
    // All of the block is pinned, so all of it counts: a few bytes of each would pin the whole memory.
    if (!this.#leases.grant(connection, lease, block, block.heldBytes, LENT_SHARE)) return 'later';
    this.#counters.hits++;
    this.#counters.servedBytes += length;
    this.#store.touch(block, length, true);
    return range;
  }

  /** Where the bytes are when all are there, in one piece. */
  #rangeIn(block: Block, from: number, to: number): MappedRange | undefined {
    const extent = block.extents[pageAt(from)];
    if (!extent || to > block.bytes) return undefined;
    const start = extent.firstPage * PAGE_BYTES;
    if (to > start + extent.arrivedBytes) return undefined;
    return this.#store.pool.rangeOf(extent.unit, from - start, to - start);
  }
}
