/** The directories whose small files are being read: as many as may be followed, each until there is a pause. */
import type { InodeId } from '@tidecache/protocol';
import type { Clock } from '../clock.js';
import {
  MAX_SIBLING_DIRECTORIES,
  MAX_SIBLINGS_SEEN,
  MIN_SIBLING_READS,
  SIBLING_PAUSE_MS,
} from '../limits.js';
import { SiblingRun } from './sibling-run.js';

export class SiblingRuns {
  readonly #clock: Clock;
  readonly #onEnd: (run: SiblingRun) => void;
  /** Longest unread first. */
  readonly #runs = new Map<InodeId, SiblingRun>();

  /** `onEnd`: what the run holds is given back. */
  constructor(clock: Clock, onEnd: (run: SiblingRun) => void) {
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  /** That of a directory in which a file is being read; a new one when another pass through it has begun. */
  of(directory: InodeId): SiblingRun {
    let run = this.#runs.get(directory);
    if (run && (run.seen.size >= MAX_SIBLINGS_SEEN || run.again >= MIN_SIBLING_READS)) this.#end(run);
    if (!run || run.ended) {
      run = new SiblingRun(directory);
      this.#watch(run, SIBLING_PAUSE_MS);
    }
    run.lastReadMs = this.#clock.now();
    this.#runs.delete(directory);
    this.#runs.set(directory, run);
    for (const oldest of this.#runs.values()) {
      if (this.#runs.size <= MAX_SIBLING_DIRECTORIES) break;
      this.#end(oldest);
    }
    return run;
  }

  endAll(): void {
    for (const run of [...this.#runs.values()]) this.#end(run);
  }

  /** Ends it after a pause: what is lent can't make room at its worker. */
  #watch(run: SiblingRun, ms: number): void {
    run.stopTimer = this.#clock.after(ms, () => {
      const leftMs = run.lastReadMs + SIBLING_PAUSE_MS - this.#clock.now();
      if (leftMs > 0) this.#watch(run, leftMs);
      else this.#end(run);
    });
  }

  #end(run: SiblingRun): void {
    run.ended = true;
    run.stopTimer();
    this.#runs.delete(run.directory);
    this.#onEnd(run);
  }
}
