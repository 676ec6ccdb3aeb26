/**
 * A hashed timer wheel (Varghese & Lauck, "Hashed and Hierarchical Timing Wheels", 1987, scheme 6): a deadline costs a
 * few assignments, where a setTimeout of its own costs a microsecond. Most deadlines are cancelled, never reached.
 */
import type { Clock } from './clock.js';
import { WHEEL_SLOTS, WHEEL_TICK_MS } from './limits.js';

/**
 * What a wheel holds: whatever has a deadline, so that none is allocated for it. An interface, since V8 defines fields
 * that many classes inherit by its slowest path, at each construction: for a request, longer than all of its timing.
 */
export interface TimerEntry {
  dueAt: number;
  /** Undefined but for what the wheel sets. */
  previous: TimerEntry | undefined;
  next: TimerEntry | undefined;
  expire(): void;
}

class SlotHead implements TimerEntry {
  dueAt = 0;
  previous: TimerEntry = this;
  next: TimerEntry = this;
  expire(): void {}
}

export class TimerWheel {
  readonly #clock: Clock;
  readonly #slots: TimerEntry[] = [];
  /** The tick up to which slots are done. */
  #doneTick: number;
  #count = 0;
  #armedTick = Number.POSITIVE_INFINITY;
  #disarm: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#doneTick = Math.floor(clock.now() / WHEEL_TICK_MS);
    for (let i = 0; i < WHEEL_SLOTS; i++) this.#slots.push(new SlotHead());
  }

  /** Entries waiting. */
  get size(): number {
    return this.#count;
  }

  /** Expires `entry` at `dueAt` or up to one tick later. One that waits already is moved. */
  schedule(entry: TimerEntry, dueAt: number): void {
    this.cancel(entry);
    if (this.#count === 0) this.#doneTick = Math.floor(this.#clock.now() / WHEEL_TICK_MS);
    entry.dueAt = dueAt;
    const tick = Math.max(Math.ceil(dueAt / WHEEL_TICK_MS), this.#doneTick + 1);
    const head = this.#slots[tick % WHEEL_SLOTS]!;
    const last = head.previous!;
    entry.previous = last;
    entry.next = head;
    last.next = entry;
    head.previous = entry;
    this.#count++;
    if (tick < this.#armedTick) this.#arm(tick);
  }

  /** Forgets `entry`, if it waits. */
  cancel(entry: TimerEntry): void {
    if (entry.next === undefined) return;
    entry.previous!.next = entry.next;
    entry.next.previous = entry.previous;
    entry.previous = undefined;
    entry.next = undefined;
    if (--this.#count === 0) this.#stop();
  }

  #arm(tick: number): void {
    this.#disarm?.();
    this.#armedTick = tick;
    const delayMs = Math.max(0, tick * WHEEL_TICK_MS - this.#clock.now());
    this.#disarm = this.#clock.after(Math.ceil(delayMs), () => this.#turn());
  }

  #stop(): void {
    this.#disarm?.();
    this.#disarm = undefined;
    this.#armedTick = Number.POSITIVE_INFINITY;
  }

  #turn(): void {
    this.#disarm = undefined;
    this.#armedTick = Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    const nowTick = Math.floor(now / WHEEL_TICK_MS);
    const from = Math.max(this.#doneTick + 1, nowTick - WHEEL_SLOTS + 1);
    this.#doneTick = Math.max(this.#doneTick, nowTick);
    const due: TimerEntry[] = [];
    for (let tick = from; tick <= nowTick; tick++) {
      const head = this.#slots[tick % WHEEL_SLOTS]!;
      for (let entry = head.next!; entry !== head; entry = entry.next!) {
        if (entry.dueAt <= now) due.push(entry);
      }
    }
    for (const entry of due) {
      // One that expires may cancel or move another that is due.
      if (entry.next === undefined || entry.dueAt > now) continue;
      this.cancel(entry);
      entry.expire();
    }
    if (this.#count > 0) this.#armNext();
  }

  #armNext(): void {
    for (let tick = this.#doneTick + 1; tick <= this.#doneTick + WHEEL_SLOTS; tick++) {
      const head = this.#slots[tick % WHEEL_SLOTS]!;
      if (head.next === head) continue;
      if (tick < this.#armedTick) this.#arm(tick);
      return;
    }
  }
}
