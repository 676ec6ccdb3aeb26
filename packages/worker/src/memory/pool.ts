/**
 * The memory budget: slabs made at start, of which the system gives real pages when they are first used, and the
 * allocator over them. Addresses are unit numbers over all slabs.
 */
import { totalmem } from 'node:os';
import { formatSize, type MappedRange, TidecacheError } from '@tidecache/protocol';
import { MAX_EXTENT_BYTES, MIN_MEMORY_BYTES, UNIT_BYTES } from '../limits.js';
import { BuddyAllocator } from './buddy.js';
import { privateSlabs, type Slabs } from './slabs.js';

export class Pool {
  /** The budget, rounded down to whole extents. */
  readonly capacityBytes: number;
  readonly #slabs: Slabs;
  readonly #unitsPerSlab: number;
  readonly #buddy: BuddyAllocator;
  /** By area of the largest extent's size: 1 when its memory is there. */
  readonly #backed: Uint8Array;

  /** Throws as {@link assertMemory}, and NO_SPACE when the system refuses. */
  constructor(memoryBytes: number, hostBytes: number = hostMemoryBytes(), slabs?: Slabs) {
    assertMemory(memoryBytes, hostBytes);
    this.capacityBytes = poolBytes(memoryBytes);
    this.#slabs = slabs ?? privateSlabs(this.capacityBytes);
    this.#unitsPerSlab = this.#slabs.slabBytes / UNIT_BYTES;
    this.#backed = new Uint8Array(this.capacityBytes / MAX_EXTENT_BYTES).fill(this.#slabs.back ? 0 : 1);
    this.#buddy = new BuddyAllocator(
      this.capacityBytes / UNIT_BYTES,
      Math.log2(MAX_EXTENT_BYTES / UNIT_BYTES),
    );
  }

  get units(): number {
    return this.#buddy.units;
  }

  /** Includes what the last unit of each extent does not need. */
  get usedBytes(): number {
    return (this.#buddy.units - this.#buddy.freeUnits) * UNIT_BYTES;
  }

  /** The first unit of a contiguous extent, or -1 when there is none. At most {@link MAX_EXTENT_BYTES}. */
  allocate(bytes: number): number {
    const unit = this.#buddy.allocate(unitsOf(bytes));
    // What the system has no memory for stays allocated, so that it is not found again.
    return unit < 0 || this.#back(unit) ? unit : -1;
  }

  /** Gives back an extent, or from `fromByte` (of whole units) on what an extent no longer needs. */
  free(unit: number, bytes: number, fromByte = 0): void {
    const kept = fromByte / UNIT_BYTES;
    this.#buddy.free(unit + kept, unitsOf(bytes) - kept);
  }

  /** The bytes themselves, not a copy: `from` to `to` of the extent that starts at `unit`. */
  view(unit: number, from: number, to: number): Buffer {
    const start = (unit % this.#unitsPerSlab) * UNIT_BYTES;
    return this.#slabs.buffers[Math.floor(unit / this.#unitsPerSlab)]!.subarray(start + from, start + to);
  }

  /** Where that is. */
  rangeOf(unit: number, from: number, to: number): MappedRange {
    const start = (unit % this.#unitsPerSlab) * UNIT_BYTES;
    return { slab: Math.floor(unit / this.#unitsPerSlab), offset: start + from, length: to - from };
  }

  check(): void {
    this.#buddy.check();
  }

  /** An extent never crosses the end of an area, nor an area that of a slab. */
  #back(unit: number): boolean {
    const area = Math.floor((unit * UNIT_BYTES) / MAX_EXTENT_BYTES);
    if (this.#backed[area] === 1) return true;
    const first = area * (MAX_EXTENT_BYTES / UNIT_BYTES);
    const { slab, offset, length } = this.rangeOf(first, 0, MAX_EXTENT_BYTES);
    if (this.#slabs.back?.(slab, offset, length) === false) return false;
    this.#backed[area] = 1;
    return true;
  }
}

/** What a budget makes: whole extents. */
export const poolBytes = (memoryBytes: number): number => memoryBytes - (memoryBytes % MAX_EXTENT_BYTES);

/** Throws INVALID when the budget is too small to work with, NO_SPACE when the host has not that much. */
export function assertMemory(memoryBytes: number, hostBytes: number = hostMemoryBytes()): void {
  if (!Number.isSafeInteger(memoryBytes) || memoryBytes < MIN_MEMORY_BYTES) {
    throw new TidecacheError(
      'INVALID',
      `cannot start a worker with ${memoryBytes} bytes of memory: at least ${formatSize(MIN_MEMORY_BYTES)} are needed`,
    );
  }
  // Untouched memory costs nothing, so the system would promise any amount, and kill the process later.
  if (memoryBytes > hostBytes) {
    const has = `this host or container has ${formatSize(hostBytes)} in all`;
    throw new TidecacheError(
      'NO_SPACE',
      `cannot start a worker with ${formatSize(memoryBytes)} of memory: ${has} (give the worker less)`,
    );
  }
}

export const unitsOf = (bytes: number): number => Math.ceil(bytes / UNIT_BYTES);

/** What the machine has, or the container may use. */
function hostMemoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
