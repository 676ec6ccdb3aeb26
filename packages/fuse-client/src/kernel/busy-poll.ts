/**
 * Keeps the event loop awake between a small answer and the next request, where that comes at once. Who reads small
 * files, or here and there, waits for one answer at a time, and to wake a core that has gone to sleep in between takes
 * longer than to answer: in a virtual machine half of the time of a small file. As the kernel polls before it halts a
 * guest's core (Documentation/virt/kvm/halt-polling.rst), and as there, only while it pays.
 */
import {
  BUSY_POLL_CREDIT,
  BUSY_POLL_MISS,
  MAX_BUSY_POLL_ANSWER_BYTES,
  MAX_BUSY_POLL_CREDIT,
} from '../limits.js';

export interface BusyPollInit {
  /** Milliseconds to wait awake, at most; 0: never. */
  readonly pollMs: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
  /** Runs it in the next turn of the event loop, which then does not sleep before. */
  readonly nextTurn?: (run: () => void) => void;
}

export class BusyPoll {
  readonly #pollMs: number;
  readonly #now: () => number;
  readonly #nextTurn: (run: () => void) => void;
  /** Requests that came in time, over those that did not. */
  #credit = 0;
  /** When the last small answer was given. NaN: it was followed by a request, or by a large answer. */
  #answeredAt = Number.NaN;
  #polling = false;

  constructor({ pollMs, now = () => performance.now(), nextTurn = setImmediate }: BusyPollInit) {
    this.#pollMs = pollMs;
    this.#now = now;
    this.#nextTurn = nextTurn;
  }

  /** A request came. */
  asked(): void {
    if (Number.isNaN(this.#answeredAt)) return;
    const inTime = this.#now() - this.#answeredAt <= this.#pollMs;
    this.#answeredAt = Number.NaN;
    this.#credit = inTime
      ? Math.min(this.#credit + 1, MAX_BUSY_POLL_CREDIT)
      : Math.max(this.#credit - BUSY_POLL_MISS, 0);
  }

  /** A request was answered with so many bytes. */
  answered(bytes: number): void {
    if (this.#pollMs === 0) return;
    this.#answeredAt = bytes <= MAX_BUSY_POLL_ANSWER_BYTES ? this.#now() : Number.NaN;
    if (Number.isNaN(this.#answeredAt) || this.#credit < BUSY_POLL_CREDIT || this.#polling) return;
    this.#polling = true;
    this.#nextTurn(this.#poll);
  }

  readonly #poll = (): void => {
    // False once the request has come, too.
    this.#polling = this.#now() - this.#answeredAt <= this.#pollMs;
    if (this.#polling) this.#nextTurn(this.#poll);
  };
}
