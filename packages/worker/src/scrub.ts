/**
 * Verifies what is in memory against the checksums of its arrival, extent after extent, a bounded number of bytes at
 * a time. A block that changed is quarantined: the next reader has it fetched anew.
 */
import type { Block, Extent } from './block.js';
import type { BlockStore } from './store.js';

export class Scrub {
  readonly #store: BlockStore;
  readonly #quarantine: (block: Block) => void;
  #extents: Generator<[Block, Extent]>;
  /** Bytes that may be verified; less than 0 after an extent that was larger than what was left. */
  #allowance = 0;

  constructor(store: BlockStore, quarantine: (block: Block) => void) {
    this.#store = store;
    this.#quarantine = quarantine;
    this.#extents = this.#eachExtent();
  }

  /**
   * Verifies whole extents for `bytes` more, and answers how many bytes that were: what was too much in one call is
   * missing in the next ones. Stops after the last block, and starts over at the next call.
   */
  step(bytes: number): number {
    let verified = 0;
    this.#allowance += bytes;
    while (this.#allowance > 0) {
      const next = this.#extents.next();
      if (next.done) {
        this.#extents = this.#eachExtent();
        this.#allowance = 0;
        break;
      }
      const [block, extent] = next.value;
      verified += extent.arrivedBytes;
      this.#allowance -= extent.arrivedBytes;
      if (this.#store.checksums.firstDifference(extent, 0, extent.arrivedBytes) !== -1) {
        this.#quarantine(block);
      }
    }
    return verified;
  }

  /** Live: goes on where it was, over what is there by then. A block that is gone has no extents. */
  *#eachExtent(): Generator<[Block, Extent]> {
    for (const block of this.#store.blocks()) {
      for (const extent of block.eachExtent()) {
        if (!block.gone) yield [block, extent];
      }
    }
  }
}
