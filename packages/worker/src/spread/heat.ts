/**
 * Which blocks many read at the same time. Counted at the block itself: a reader that goes through a file begins each
 * block once, so as many beginnings as that, by different connections and close together, are readers in step.
 */
import type { Block } from '../block.js';
import { HEAT_WINDOW_MS, HOT_MS, HOT_READERS } from '../limits.js';

export class Heat {
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** `reader`, a connection's remote end, begins to read the block through. */
  note(block: Block, reader: string): void {
    const now = this.#now();
    if (now - block.readersSince > HEAT_WINDOW_MS) {
      block.readersSince = now;
      block.readers = 0;
      block.lastReader = undefined;
    }
    // One that reads a block over and over is no crowd.
    if (block.lastReader === reader) return;
    block.lastReader = reader;
    block.readers++;
    if (block.readers >= HOT_READERS) block.hotUntil = now + HOT_MS;
  }

  isHot(block: Block): boolean {
    return block.hotUntil > 0 && this.#now() < block.hotUntil;
  }

  /** True once in a while for a block: then it's time to fetch what comes after it. */
  isTimeToCopyAhead(block: Block): boolean {
    const now = this.#now();
    if (now < block.copiedAheadUntil) return false;
    block.copiedAheadUntil = now + HOT_MS;
    return true;
  }
}
