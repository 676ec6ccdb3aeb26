/** At most so many at once; the others wait in the order in which they came, until their deadline. */
import { TidecacheError } from '@tidecache/protocol';
import type { Clock } from '../clock.js';

export interface GateInit {
  readonly clock: Clock;
  readonly slots: number;
  readonly maxWaiters: number;
  /** For messages: what waits, on what. */
  readonly what: string;
}

interface Waiter {
  readonly enter: () => void;
  readonly refuse: (error: TidecacheError) => void;
}

export class Gate {
  readonly #init: GateInit;
  readonly #waiters = new Set<Waiter>();
  #inside = 0;

  constructor(init: GateInit) {
    this.#init = init;
  }

  get inside(): number {
    return this.#inside;
  }

  /** Enters if there is room for one that may fill only `slots` of the gate. True: {@link leave} is owed. */
  tryEnter(slots: number): boolean {
    if (this.#waiters.size > 0 || this.#inside >= Math.min(slots, this.#init.slots)) return false;
    this.#inside++;
    return true;
  }

  /** Enters as soon as there is room; {@link leave} is owed then. Rejects with TIMEOUT at `deadlineAt`, or BUSY. */
  async enter(deadlineAt: number): Promise<void> {
    if (this.tryEnter(this.#init.slots)) return;
    const { clock, maxWaiters, what } = this.#init;
    if (this.#waiters.size >= maxWaiters)
      throw new TidecacheError('BUSY', `${maxWaiters} ${what} wait already`);
    await new Promise<void>((resolve, reject) => {
      const stopTimer = clock.after(Math.max(0, deadlineAt - clock.now()), () => {
        waiter.refuse(new TidecacheError('TIMEOUT', `too many ${what} at once: no turn came in time`));
      });
      const waiter: Waiter = {
        enter: () => {
          stopTimer();
          this.#waiters.delete(waiter);
          resolve();
        },
        refuse: (error) => {
          stopTimer();
          this.#waiters.delete(waiter);
          reject(error);
        },
      };
      this.#waiters.add(waiter);
    });
  }

  leave(): void {
    this.#inside--;
    for (const waiter of this.#waiters) {
      this.#inside++;
      waiter.enter();
      return;
    }
  }

  /** Sends those that wait away. */
  refuseAll(error: TidecacheError): void {
    for (const waiter of [...this.#waiters]) waiter.refuse(error);
  }
}
