import type { Timers } from '../../src/util/timers.js';

/** Time that moves when a test says so. */
export class FakeTime implements Timers {
  #nowMs = 1_800_000_000_000;
  #timers: { atMs: number; run: () => void }[] = [];

  readonly now = (): number => this.#nowMs;

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves on by `ms`, running what comes due in its order. */
  advance(ms: number): void {
    const end = this.#nowMs + ms;
    for (;;) {
      const due = this.#timers.filter(({ atMs }) => atMs <= end).sort((a, b) => a.atMs - b.atMs)[0];
      if (!due) break;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      due.run();
    }
    this.#nowMs = end;
  }

  /** As when the process stood still: time goes by, and timers run late. */
  freeze(ms: number): void {
    this.#nowMs += ms;
    this.advance(0);
  }

  /** Sets the clock, as an operator or NTP does. */
  set(ms: number): void {
    this.#nowMs = ms;
  }
}
