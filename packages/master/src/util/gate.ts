import { TidecacheError } from '@tidecache/protocol';

/** Lets a bounded number of runs through at once; others wait in order, and past a bound are refused. */
export class Gate {
  readonly #most: number;
  readonly #mostWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(most: number, mostWaiting: number) {
    this.#most = most;
    this.#mostWaiting = mostWaiting;
  }

  get running(): number {
    return this.#running;
  }

  /** Rejects with BUSY when too many wait already. `run` must end by itself: it has a deadline. */
  async through<T>(run: () => Promise<T>): Promise<T> {
    if (this.#running < this.#most) this.#running++;
    else await this.#turn();
    try {
      return await run();
    } finally {
      const next = this.#waiting.shift();
      // The place goes straight to who waits, so that a newcomer can't take it in between.
      if (next) next();
      else this.#running--;
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= this.#mostWaiting) {
      throw new TidecacheError(
        'BUSY',
        `${this.#mostWaiting} calls to origins wait already (ask again later, or use a longer metadata ttl)`,
      );
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
