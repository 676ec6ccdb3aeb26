/**
 * A binary buddy allocator over numbered units (Knuth, The Art of Computer Programming, vol. 1, §2.5), with one
 * change: what an allocation does not need of its power of two goes back at once. So an extent of any number of
 * units is contiguous, costs what it holds, and merges again when it's freed.
 *
 * It knows numbers only. Free areas are doubly linked lists in typed arrays: nothing is allocated while it runs.
 */
const NONE = -1;

export class BuddyAllocator {
  readonly units: number;
  #freeUnits = 0;
  readonly #topOrder: number;
  /** By order: the first free area. */
  readonly #heads: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** By unit: the order of the free area that starts there, or NONE. */
  readonly #freeOrder: Int8Array;
  /** By unit: 1 when allocated. Finds double frees. */
  readonly #used: Uint8Array;

  /** `units`: a multiple of 2^topOrder, which is the largest extent. */
  constructor(units: number, topOrder: number) {
    if (units <= 0 || units % 2 ** topOrder !== 0) {
      throw new RangeError(`${units} units are no multiple of ${2 ** topOrder}`);
    }
    this.units = units;
    this.#topOrder = topOrder;
    this.#heads = new Int32Array(topOrder + 1).fill(NONE);
    this.#next = new Int32Array(units);
    this.#previous = new Int32Array(units);
    this.#freeOrder = new Int8Array(units).fill(NONE);
    this.#used = new Uint8Array(units);
    for (let unit = units - 2 ** topOrder; unit >= 0; unit -= 2 ** topOrder) this.#link(unit, topOrder);
    this.#freeUnits = units;
  }

  get freeUnits(): number {
    return this.#freeUnits;
  }

  /** The first of `count` contiguous units, or -1 when no free area is that large. */
  allocate(count: number): number {
    if (!(count > 0 && count <= 2 ** this.#topOrder)) throw new RangeError(`an extent of ${count} units`);
    const wanted = orderOf(count);
    let order = wanted;
    while (order <= this.#topOrder && this.#heads[order] === NONE) order++;
    if (order > this.#topOrder) return -1;
    const first = this.#heads[order]!;
    this.#unlink(first, order);
    while (order > wanted) {
      order--;
      this.#link(first + 2 ** order, order);
    }
    this.#release(first + count, 2 ** wanted - count);
    this.#used.fill(1, first, first + count);
    this.#freeUnits -= count;
    return first;
  }

  /** Gives back units that were allocated: a whole extent, or any part of one. */
  free(first: number, count: number): void {
    for (let unit = first; unit < first + count; unit++) {
      if (this.#used[unit] !== 1) throw new RangeError(`unit ${unit} is freed but was not allocated`);
      this.#used[unit] = 0;
    }
    this.#freeUnits += count;
    this.#release(first, count);
  }

  /** Throws when the lists and the tables disagree, or two free buddies were not merged. For tests. */
  check(): void {
    const covered = new Uint8Array(this.units);
    for (let order = 0; order <= this.#topOrder; order++) {
      for (let unit = this.#heads[order]!; unit !== NONE; unit = this.#next[unit]!) {
        if (this.#freeOrder[unit] !== order) throw new Error(`unit ${unit} is listed in order ${order}`);
        if (order < this.#topOrder && this.#freeOrder[unit ^ (2 ** order)] === order) {
          throw new Error(`unit ${unit} and its buddy of order ${order} are both free`);
        }
        for (let i = unit; i < unit + 2 ** order; i++) {
          if (covered[i] || this.#used[i]) throw new Error(`unit ${i} is free twice, or free and used`);
          covered[i] = 1;
        }
      }
    }
    let free = 0;
    for (let unit = 0; unit < this.units; unit++) {
      if (covered[unit] === this.#used[unit]) throw new Error(`unit ${unit} is lost`);
      free += covered[unit]!;
    }
    if (free !== this.#freeUnits) throw new Error(`${free} units are free, ${this.#freeUnits} are counted`);
  }

  /** Cuts a range into aligned powers of two and frees each. */
  #release(first: number, count: number): void {
    while (count > 0) {
      const alignment = first === 0 ? this.#topOrder : Math.min(this.#topOrder, trailingZeros(first));
      const order = Math.min(alignment, 31 - Math.clz32(count));
      this.#merge(first, order);
      first += 2 ** order;
      count -= 2 ** order;
    }
  }

  #merge(unit: number, order: number): void {
    while (order < this.#topOrder) {
      const buddy = unit ^ (1 << order);
      if (this.#freeOrder[buddy] !== order) break;
      this.#unlink(buddy, order);
      unit = Math.min(unit, buddy);
      order++;
    }
    this.#link(unit, order);
  }

  #link(unit: number, order: number): void {
    const head = this.#heads[order]!;
    this.#next[unit] = head;
    this.#previous[unit] = NONE;
    if (head !== NONE) this.#previous[head] = unit;
    this.#heads[order] = unit;
    this.#freeOrder[unit] = order;
  }

  #unlink(unit: number, order: number): void {
    const next = this.#next[unit]!;
    const previous = this.#previous[unit]!;
    if (previous === NONE) this.#heads[order] = next;
    else this.#next[previous] = next;
    if (next !== NONE) this.#previous[next] = previous;
    this.#freeOrder[unit] = NONE;
  }
}

/** The smallest order whose power of two holds `count`. */
const orderOf = (count: number) => (count === 1 ? 0 : 32 - Math.clz32(count - 1));
const trailingZeros = (value: number) => 31 - Math.clz32(value & -value);
