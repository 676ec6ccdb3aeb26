import type { Clock } from '../../src/clock.js';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly action: () => void;
}

/** Time that passes only when everybody waits for it. */
export class FakeClock implements Clock {
  readonly #turns: number;
  #now = 1_000;
  #order = 0;
  readonly #timers = new Set<Timer>();

  /** What happens without time passing takes up to `turns` of the event loop. */
  constructor(turns = 1) {
    this.#turns = turns;
  }

  readonly now = (): number => this.#now;

  readonly after = (ms: number, action: () => void): (() => void) => {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order++, action };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  /** Timers that are still set. */
  get pending(): number {
    return this.#timers.size;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  /** Lets time pass until `promise` settles, and returns what it settled to. Fails when nothing is left to happen. */
  async run<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const mark = () => {
      settled = true;
    };
    promise.then(mark, mark);
    for (;;) {
      for (let turn = 0; turn < this.#turns; turn++) await settle();
      if (settled) return promise;
      if (!this.#step()) throw new Error('everybody waits, and nothing is left to happen');
    }
  }

  /** Lets `ms` pass. */
  async pass(ms: number): Promise<void> {
    await this.run(this.sleep(ms));
  }

  #step(): boolean {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (!next || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer;
    }
    if (!next) return false;
    this.#timers.delete(next);
    this.#now = Math.max(this.#now, next.at);
    next.action();
    return true;
  }
}

/** All that can happen without time passing has happened. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
