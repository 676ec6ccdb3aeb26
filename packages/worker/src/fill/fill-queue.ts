import type { Limits } from '../limits.js';
import type { Fill } from './fill.js';

/**
 * The fills that were admitted: which may run, in which order, and whether there is room for more. Demand goes
 * before read-ahead, each in the order of arrival. Counts only; the memory of an admitted fill is its own already.
 *
 * Copies from a block's owner never wait for reads from origins. They would be in each other's way: a worker whose
 * running fills all wait for a second one, whose running fills all wait for the first.
 */
export class FillQueue {
  readonly #limits: Limits;
  readonly #demand = new Set<Fill>();
  readonly #readAhead = new Set<Fill>();
  readonly #copies = new Set<Fill>();
  #running = 0;
  #copying = 0;
  #bytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running;
  }

  /** Copies from owners that run. */
  get copying(): number {
    return this.#copying;
  }

  get waiting(): number {
    return this.#demand.size + this.#readAhead.size + this.#copies.size;
  }

  /** Memory of all admitted fills. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether fills of `bytes` together may be added. */
  hasRoomFor(fills: number, bytes: number, readAhead: boolean): boolean {
    const share = readAhead ? this.#limits.readAheadShare : 1;
    const count = this.#running + this.#copying + this.waiting;
    return (
      count + fills <= this.#limits.fills * share && this.#bytes + bytes <= this.#limits.fillingBytes * share
    );
  }

  add(fill: Fill): void {
    this.#queueOf(fill).add(fill);
    this.#bytes += fill.bytes;
  }

  /** A copy that was started has failed: it goes on as a read from the origin, when its turn comes. */
  fallBack(fill: Fill): void {
    this.#copying--;
    fill.owner = undefined;
    this.#queueOf(fill).add(fill);
  }

  /** Somebody waits for it now: it goes on as demand. */
  promote(fill: Fill): void {
    if (!fill.readAhead) return;
    fill.readAhead = false;
    if (this.#readAhead.delete(fill)) this.#demand.add(fill);
  }

  /** The next to run, counted as running; undefined when as many as may run do, or none waits. */
  start(): Fill | undefined {
    for (const copy of this.#copies) {
      this.#copies.delete(copy);
      this.#copying++;
      return copy;
    }
    if (this.#running >= this.#limits.runningFills) return undefined;
    for (const queue of [this.#demand, this.#readAhead]) {
      for (const fill of queue) {
        queue.delete(fill);
        this.#running++;
        return fill;
      }
    }
    return undefined;
  }

  /** A fill that was started has ended. */
  end(fill: Fill): void {
    if (fill.owner) this.#copying--;
    else this.#running--;
    this.#bytes -= fill.bytes;
  }

  /** Takes out a fill that was not started. */
  remove(fill: Fill): void {
    if (this.#queueOf(fill).delete(fill)) this.#bytes -= fill.bytes;
  }

  #queueOf(fill: Fill): Set<Fill> {
    if (fill.owner) return this.#copies;
    return fill.readAhead ? this.#readAhead : this.#demand;
  }
}
