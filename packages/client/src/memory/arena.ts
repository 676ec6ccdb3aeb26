/**
 * The read-ahead memory itself: slabs of one segment each, allocated when first needed and kept, cut into halves of
 * halves for small files and tails. Buddy allocation (Knuth, TAOCP vol. 1, 2.5): a part that is freed joins its free
 * twin again, so that small parts never eat up the slabs for good.
 */
import { SECTOR_BYTES } from '@tidecache/protocol';
import { SEGMENT_BYTES } from '../limits.js';

const SECTORS = SEGMENT_BYTES / SECTOR_BYTES;
/** Order o is a part of 2^o sectors; the top order is a whole slab. */
const TOP_ORDER = Math.log2(SECTORS);

/** A part of the memory, its owner's alone until it is given back. */
export interface Block {
  /** At least as many bytes as were asked for. */
  readonly bytes: Uint8Array;
  /** Sector number, over all slabs. */
  readonly sector: number;
  readonly order: number;
}

/** Bytes that a block for `bytes` bytes takes up. */
export const blockBytesFor = (bytes: number): number => SECTOR_BYTES << orderOf(bytes);

function orderOf(bytes: number): number {
  if (bytes <= 0 || bytes > SEGMENT_BYTES) throw new RangeError(`a block of ${bytes} bytes`);
  const sectors = Math.ceil(bytes / SECTOR_BYTES);
  return sectors === 1 ? 0 : 32 - Math.clz32(sectors - 1);
}

/** Makes a slab of so many bytes. */
export type NewSlab = (bytes: number) => Uint8Array;

export const privateSlab: NewSlab = (bytes) => Buffer.allocUnsafeSlow(bytes);
/** One that other threads can receive into. */
export const sharedSlab: NewSlab = (bytes) => Buffer.from(new SharedArrayBuffer(bytes));

export class Arena {
  readonly #maxSlabs: number;
  readonly #newSlab: NewSlab;
  readonly #slabs: Uint8Array[] = [];
  /** By order, the sectors where free blocks begin; last freed on top, since it's the warmest. May name blocks that are gone. */
  readonly #free: number[][] = Array.from({ length: TOP_ORDER + 1 }, () => []);
  /** By sector: order + 1 of the free block that begins there, else 0. The truth about {@link #free}. */
  readonly #freeOrder: Uint8Array;
  #usedBytes = 0;

  /** `budgetBytes` is rounded down to whole slabs. */
  constructor(budgetBytes: number, newSlab: NewSlab = privateSlab) {
    this.#newSlab = newSlab;
    this.#maxSlabs = Math.floor(budgetBytes / SEGMENT_BYTES);
    this.#freeOrder = new Uint8Array(this.#maxSlabs * SECTORS);
  }

  /** Bytes of blocks that are out. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Bytes taken from the system so far; never given back before the arena itself. */
  get slabBytes(): number {
    return this.#slabs.length * SEGMENT_BYTES;
  }

  /** Undefined when no free block is large enough. */
  allocate(bytes: number): Block | undefined {
    const order = orderOf(bytes);
    let found = order;
    let sector = this.#pop(found);
    while (sector === undefined && found < TOP_ORDER) sector = this.#pop(++found);
    if (sector === undefined) {
      sector = this.#grow();
      if (sector === undefined) return undefined;
    }
    while (found > order) this.#push(sector + (1 << --found), found);
    this.#usedBytes += SECTOR_BYTES << order;
    return { bytes: this.#view(sector, order), sector, order };
  }

  /** Takes a block back. Its bytes must not be looked at any more. */
  free(block: Block): void {
    this.#usedBytes -= SECTOR_BYTES << block.order;
    let { sector, order } = block;
    while (order < TOP_ORDER) {
      const twin = sector ^ (1 << order);
      if (this.#freeOrder[twin] !== order + 1) break;
      this.#freeOrder[twin] = 0;
      sector = Math.min(sector, twin);
      order++;
    }
    this.#push(sector, order);
  }

  #push(sector: number, order: number): void {
    this.#freeOrder[sector] = order + 1;
    this.#free[order]!.push(sector);
  }

  #pop(order: number): number | undefined {
    const stack = this.#free[order]!;
    for (let sector = stack.pop(); sector !== undefined; sector = stack.pop()) {
      if (this.#freeOrder[sector] !== order + 1) continue; // joined its twin, or taken, meanwhile
      this.#freeOrder[sector] = 0;
      return sector;
    }
    return undefined;
  }

  #grow(): number | undefined {
    if (this.#slabs.length >= this.#maxSlabs) return undefined;
    this.#slabs.push(this.#newSlab(SEGMENT_BYTES));
    return (this.#slabs.length - 1) * SECTORS;
  }

  #view(sector: number, order: number): Uint8Array {
    const slab = this.#slabs[Math.floor(sector / SECTORS)]!;
    if (order === TOP_ORDER) return slab;
    const start = (sector % SECTORS) * SECTOR_BYTES;
    return slab.subarray(start, start + (SECTOR_BYTES << order));
  }
}
