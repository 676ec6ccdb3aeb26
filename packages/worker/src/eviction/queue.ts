import type { Counted, Entry } from './entry.js';

/** A first-in, first-out queue of entries that counts their bytes. The links are in the entries. */
export class EntryQueue implements Counted {
  bytes = 0;
  count = 0;
  #newest: Entry | undefined;
  #oldest: Entry | undefined;

  get oldest(): Entry | undefined {
    return this.#oldest;
  }

  push(entry: Entry): void {
    entry.queue = this;
    entry.older = this.#newest;
    if (this.#newest) this.#newest.newer = entry;
    else this.#oldest = entry;
    this.#newest = entry;
    this.bytes += entry.heldBytes;
    this.count++;
  }

  remove(entry: Entry): void {
    if (entry.newer) entry.newer.older = entry.older;
    else this.#newest = entry.older;
    if (entry.older) entry.older.newer = entry.newer;
    else this.#oldest = entry.newer;
    entry.newer = undefined;
    entry.older = undefined;
    entry.queue = undefined;
    this.bytes -= entry.heldBytes;
    this.count--;
  }
}
