import type { Pending } from './pending.js';

/** Forgotten places at the front that are kept before the array is moved up. */
const SLACK = 1024;

/** Requests that wait, in order of arrival. Leaving early is cheap: the place is skipped later. */
export class WaitingLine {
  #line: (Pending | undefined)[] = [];
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(pending: Pending): void {
    this.#line.push(pending);
    this.#size++;
  }

  first(): Pending | undefined {
    while (this.#head < this.#line.length) {
      const pending = this.#line[this.#head];
      if (pending !== undefined && !pending.settled) return pending;
      this.#line[this.#head++] = undefined;
    }
    this.#line = [];
    this.#head = 0;
    return undefined;
  }

  shift(): void {
    if (this.first() === undefined) return;
    this.#line[this.#head++] = undefined;
    this.#size--;
    if (this.#head >= SLACK && this.#head * 2 >= this.#line.length) {
      this.#line = this.#line.slice(this.#head);
      this.#head = 0;
    }
  }

  /** `pending` leaves; it is settled right after this. */
  leave(): void {
    this.#size--;
  }

  /** Everybody leaves, in order. */
  clear(): Pending[] {
    const all = this.#line.slice(this.#head).filter((p): p is Pending => p !== undefined && !p.settled);
    this.#line = [];
    this.#head = 0;
    this.#size = 0;
    return all;
  }
}
