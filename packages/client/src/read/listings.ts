/**
 * The small files of directories that were read through lately. Who reads a directory again, as each epoch of a training
 * job does, needs no listing then: it costs the master more than all the rest of such a pass.
 */
import type { InodeId } from '@tidecache/protocol';
import type { Clock } from '../clock.js';
import { LISTING_VALID_MS, MAX_LISTED_FILES } from '../limits.js';
import type { SmallFiles } from './small-files.js';

export class Listings {
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #kept = new Map<InodeId, SmallFiles>();
  #files = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Keeps it when it is whole. What is older goes when there are too many. */
  keep(directory: InodeId, files: SmallFiles): void {
    if (!files.isWhole || files.count > MAX_LISTED_FILES) return;
    this.take(directory);
    this.#kept.set(directory, files);
    this.#files += files.count;
    for (const oldest of this.#kept.keys()) {
      if (this.#files <= MAX_LISTED_FILES) break;
      this.take(oldest);
    }
  }

  clear(): void {
    this.#kept.clear();
    this.#files = 0;
  }

  /** Gives it away; undefined when there is none, or it's too old. */
  take(directory: InodeId): SmallFiles | undefined {
    const files = this.#kept.get(directory);
    if (!files) return undefined;
    this.#kept.delete(directory);
    this.#files -= files.count;
    return this.#clock.now() - files.listedMs < LISTING_VALID_MS ? files : undefined;
  }
}
