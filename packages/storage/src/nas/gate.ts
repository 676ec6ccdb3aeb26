/**
 * Every call to the file system goes through here, each with a deadline. A mount that hangs blocks the libuv thread
 * that called it, and nothing can free that thread; so the calls in flight are bounded, a caller whose deadline passes
 * is told, and the slot stays taken until the call comes back. libuv has 4 threads unless UV_THREADPOOL_SIZE says more.
 */
import { TidecacheError } from '@tidecache/protocol';
import type { OriginCall } from '../api.js';
import { MAX_FS_CALLS, MAX_FS_WAITING } from '../limits.js';
import { withinLimit } from '../time-limit.js';
import { asNasFailure } from './failures.js';

/** What one call of the interface has left, for the file system calls that it is made of. */
export class Budget {
  readonly #endsAtMs: number;

  constructor(
    readonly doing: string,
    readonly call: OriginCall,
    readonly now: () => number,
  ) {
    this.#endsAtMs = now() + call.deadlineMs;
  }

  get remainingMs(): number {
    return this.#endsAtMs - this.now();
  }
}

export class FsGate {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /**
   * Runs `call` and gives its outcome, failures as TidecacheErrors. When the deadline passes first, `discard` gets what
   * the call brings later (a descriptor has to be closed).
   */
  run<T>(budget: Budget, call: () => Promise<T>, discard?: (late: T) => void): Promise<T> {
    if (this.#running >= MAX_FS_CALLS && this.#waiting.length >= MAX_FS_WAITING) {
      const why = `${MAX_FS_WAITING} file system calls are waiting (is the mount hanging?)`;
      return Promise.reject(new TidecacheError('BUSY', `cannot ${budget.doing}: ${why}`));
    }
    return withinLimit(budget.doing, budget.remainingMs, budget.call.signal, async (signal) => {
      await this.#enter();
      // Nobody waits any more: don't give a mount that hangs another thread.
      if (signal.aborted) {
        this.#leave();
        throw signal.reason;
      }
      try {
        const value = await call();
        if (signal.aborted) discard?.(value);
        return value;
      } catch (thrown) {
        throw asNasFailure(thrown, budget.doing);
      } finally {
        this.#leave();
      }
    });
  }

  #enter(): Promise<void> | undefined {
    if (this.#running < MAX_FS_CALLS) {
      this.#running++;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    // The slot passes on.
    if (next) next();
    else this.#running--;
  }
}
