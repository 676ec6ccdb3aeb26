import type { InodeId } from '@tidecache/protocol';
import { MAX_LENT_FILES } from '../limits.js';
import type { SmallFiles } from './small-files.js';

/** A directory whose small files are being read one after another. */
export class SiblingRun {
  readonly directory: InodeId;
  reads = 0;
  /** Of files that were read in this run before: another pass has begun. */
  again = 0;
  lastReadMs = 0;
  /** Files that need not be fetched: they were read in this run. */
  readonly seen = new Set<number>();
  /** Files that were fetched and not read yet, and the memory that each takes. */
  readonly fetched = new Map<number, number>();
  /** Files that were lent, or asked for. */
  lent = 0;
  /** No more are borrowed at once: a worker lent no more than these. */
  mostLent = MAX_LENT_FILES;
  /** Files that their worker did not lend: to be fetched. */
  readonly refused = new Set<number>();
  /** Once enough were read. */
  files: SmallFiles | undefined;
  /** A page is on its way, or there was none to be had. */
  listing = false;
  /** It will be looked ahead when the read under way is answered. */
  planned = false;
  ended = false;
  stopTimer: () => void = () => {};

  constructor(directory: InodeId) {
    this.directory = directory;
  }

  /** Nobody has it, and nobody will ask for it before it is. */
  misses(ino: number): boolean {
    return !this.seen.has(ino) && !this.fetched.has(ino);
  }
}
