import type { InodeId } from '@tidecache/protocol';
import type { KeptListing } from './file-system.js';
import { KEPT_LISTING_SHARE, MAX_KEPT_LISTINGS } from './limits.js';

interface Kept {
  /** Open handles that read what the kernel keeps, or add to it. */
  sharers: number;
  /** Until when all that was added may be believed; 0 from the first change on. */
  validUntil: number;
}

/**
 * Which directories the kernel may go on listing from its own pages. What it keeps of one is of one generation: begun by
 * a handle that opened it anew, added to by all that share it, and over with the first change, or when the first page of
 * it is too old. Those who read it then read it to their end, as it was; it is dropped when they are gone, and who opens
 * the directory before that reads apart. So no listing is put together from before and after a change.
 */
export class KeptListings {
  readonly #now: () => number;
  /** In the order in which they were begun. */
  readonly #kept = new Map<InodeId, Kept>();

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** For a new handle. Unless it is `apart`, the handle's end must be told to {@link close}. */
  open(ino: InodeId): KeptListing {
    const kept = this.#kept.get(ino);
    if (kept && kept.validUntil > this.#now()) {
      kept.sharers++;
      return 'keep';
    }
    if (kept && kept.sharers > 0) return 'apart';
    this.#kept.delete(ino);
    this.#makeRoom();
    // Until the first page says how long.
    this.#kept.set(ino, { sharers: 1, validUntil: Number.POSITIVE_INFINITY });
    return 'anew';
  }

  /** A handle that is not apart got a page which may be believed for `validMs`. */
  learned(ino: InodeId, validMs: number): void {
    const kept = this.#kept.get(ino);
    if (kept) kept.validUntil = Math.min(kept.validUntil, this.#now() + validMs * KEPT_LISTING_SHARE);
  }

  /** A name in the directory came, went, or means something else. */
  changed(ino: InodeId): void {
    const kept = this.#kept.get(ino);
    if (kept) kept.validUntil = 0;
  }

  close(ino: InodeId): void {
    const kept = this.#kept.get(ino);
    if (kept) kept.sharers--;
  }

  get size(): number {
    return this.#kept.size;
  }

  #makeRoom(): void {
    if (this.#kept.size < MAX_KEPT_LISTINGS) return;
    for (const [ino, { sharers }] of this.#kept) {
      if (sharers > 0) continue;
      this.#kept.delete(ino);
      return;
    }
  }
}
