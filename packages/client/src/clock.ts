import type { Clock } from '@tidecache/transport';

export type { Clock } from '@tidecache/transport';

/** `ms` from now, unless it's cut short: many pauses, one way to end them all. */
export class Pauses {
  readonly #clock: Clock;
  readonly #ends = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves `ms` from now, or at {@link endAll}. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        stopTimer();
        this.#ends.delete(end);
        resolve();
      };
      const stopTimer = this.#clock.after(ms, end);
      this.#ends.add(end);
    });
  }

  endAll(): void {
    for (const end of [...this.#ends]) end();
  }
}
