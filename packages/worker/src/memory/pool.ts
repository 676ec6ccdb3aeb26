/**
 * The memory budget: slabs made at start, of which the system gives real pages at first touch, and the allocator
 * over them. Addresses are unit numbers over all slabs.
 */
import { totalmem } from 'node:os';
import { formatSize, TidecacheError } from '@tidecache/protocol';
import { MAX_EXTENT_BYTES, MIN_MEMORY_BYTES, SLAB_BYTES, UNIT_BYTES } from '../limits.js';
import { BuddyAllocator } from './buddy.js';

const UNITS_PER_SLAB = SLAB_BYTES / UNIT_BYTES;

export class Pool {
  /** The budget, rounded down to whole extents. */
  readonly capacityBytes: number;
  readonly #slabs: Buffer[] = [];
  readonly #buddy: BuddyAllocator;

  /** Throws INVALID when the budget is too small to work with, NO_SPACE when the host has not that much. */
  constructor(memoryBytes: number, hostBytes: number = hostMemoryBytes()) {
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
    this.capacityBytes = memoryBytes - (memoryBytes % MAX_EXTENT_BYTES);
    try {
      for (let bytes = this.capacityBytes; bytes > 0; bytes -= SLAB_BYTES) {
        // Shared, so that threads may serve from it one day; an extent never crosses a slab's end.
        this.#slabs.push(Buffer.from(new SharedArrayBuffer(Math.min(bytes, SLAB_BYTES))));
      }
    } catch (cause) {
      throw new TidecacheError(
        'NO_SPACE',
        `cannot reserve ${formatSize(memoryBytes)} of memory: the system refused (give the worker less)`,
        { cause },
      );
    }
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
    return this.#buddy.allocate(unitsOf(bytes));
  }

  /** Gives back an extent, or from `fromByte` (of whole units) on what an extent no longer needs. */
  free(unit: number, bytes: number, fromByte = 0): void {
    const kept = fromByte / UNIT_BYTES;
    this.#buddy.free(unit + kept, unitsOf(bytes) - kept);
  }

  /** The bytes themselves, not a copy: `from` to `to` of the extent that starts at `unit`. */
  view(unit: number, from: number, to: number): Buffer {
    const start = (unit % UNITS_PER_SLAB) * UNIT_BYTES;
    return this.#slabs[Math.floor(unit / UNITS_PER_SLAB)]!.subarray(start + from, start + to);
  }

  check(): void {
    this.#buddy.check();
  }
}

export const unitsOf = (bytes: number): number => Math.ceil(bytes / UNIT_BYTES);

/** What the machine has, or the container may use. */
function hostMemoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
