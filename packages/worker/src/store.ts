/**
 * The blocks in memory: finds them, makes room for more, and takes their memory back when nobody looks at it.
 */
import { PAGE_BYTES } from '@tidecache/protocol';
import { Block, type Extent, pagesIn } from './block.js';
import { S3Fifo } from './eviction/s3-fifo.js';
import { BLOCK_OVERHEAD_BYTES, OVERHEAD_SHARE } from './limits.js';
import type { Piece } from './memory/checksums.js';
import { Checksums } from './memory/checksums.js';
import { Pool } from './memory/pool.js';
import type { Slabs } from './memory/slabs.js';

export class BlockStore {
  readonly pool: Pool;
  readonly checksums: Checksums;
  evictions = 0;
  readonly #blocks = new Map<string, Block>();
  readonly #policy: S3Fifo;

  constructor(memoryBytes: number, slabs?: Slabs) {
    this.pool = new Pool(memoryBytes, undefined, slabs);
    this.checksums = new Checksums(this.pool);
    this.#policy = new S3Fifo(this.pool.capacityBytes);
  }

  get size(): number {
    return this.#blocks.size;
  }

  get(key: string): Block | undefined {
    return this.#blocks.get(key);
  }

  /** In the order that they came; goes on where it was after changes. */
  blocks(): IterableIterator<Block> {
    return this.#blocks.values();
  }

  /** Counts a reading of `bytes` for the eviction; `whole` when the reader is random. */
  touch(block: Block, bytes: number, whole: boolean): void {
    this.#policy.touch(block, bytes, whole);
  }

  pin(block: Block): void {
    block.pins++;
  }

  unpin(block: Block): void {
    block.pins--;
    if (block.pins > 0) return;
    if (!block.gone && block.heldBytes === 0) this.drop(block);
    else if (block.gone) this.#release(block);
  }

  /**
   * Contiguous pieces that hold `bytes` together (whole pages, but for the end), evicting what must go: one piece,
   * unless memory is so cut up that making room for one would cost more than it's worth. Undefined, with nothing
   * taken, when what is left is pinned.
   */
  reserve(bytes: number): Piece[] | undefined {
    const pieces: Piece[] = [];
    if (this.#reserve(bytes, pieces)) return pieces;
    for (const { unit, bytes } of pieces) this.pool.free(unit, bytes);
    return undefined;
  }

  /** Puts a block with its first extents under the eviction. The block is pinned by its fill. */
  add(block: Block): void {
    this.#blocks.set(block.key, block);
    this.#policy.insert(block);
  }

  attach(block: Block, extent: Extent): void {
    block.attach(extent);
    this.#policy.resize(block, extent.bytes);
  }

  /** Gives back the pages of an extent from `keptBytes` (of whole pages) on. Nobody may be looking at them. */
  shrink(block: Block, extent: Extent, keptBytes: number): void {
    const firstLost = extent.firstPage + keptBytes / PAGE_BYTES;
    block.extents.fill(undefined, firstLost, extent.firstPage + pagesIn(extent.bytes));
    this.pool.free(extent.unit, extent.bytes, keptBytes);
    this.#policy.resize(block, keptBytes - extent.bytes);
    extent.bytes = keptBytes;
  }

  /** Takes a block out at once; its memory follows when its last pin goes. */
  drop(block: Block): void {
    if (block.gone) return;
    block.gone = true;
    this.#blocks.delete(block.key);
    this.#policy.remove(block);
    if (block.pins === 0) this.#release(block);
  }

  /** Whether the bookkeeping of many small blocks, beyond its share, leaves room for `bytes` more in the budget. */
  #fitsBudget(bytes: number): boolean {
    const { capacityBytes, usedBytes } = this.pool;
    const overheadBytes = this.#blocks.size * BLOCK_OVERHEAD_BYTES - capacityBytes * OVERHEAD_SHARE;
    return overheadBytes <= 0 || usedBytes + bytes + overheadBytes <= capacityBytes;
  }

  #reserve(bytes: number, pieces: Piece[]): boolean {
    let evictedBytes = 0;
    for (;;) {
      const unit = this.#fitsBudget(bytes) ? this.pool.allocate(bytes) : -1;
      if (unit >= 0) {
        pieces.push({ unit, bytes });
        return true;
      }
      const worthIt = bytes <= PAGE_BYTES || evictedBytes < 2 * bytes;
      const victim = worthIt ? this.#policy.evict() : undefined;
      if (victim instanceof Block) {
        evictedBytes += victim.heldBytes;
        this.evictions++;
        this.drop(victim);
        continue;
      }
      if (bytes <= PAGE_BYTES) return false;
      const half = Math.ceil(pagesIn(bytes) / 2) * PAGE_BYTES;
      return this.#reserve(half, pieces) && this.#reserve(bytes - half, pieces);
    }
  }

  #release(block: Block): void {
    for (const { unit, bytes } of block.eachExtent()) this.pool.free(unit, bytes);
    block.extents.fill(undefined);
    block.heldBytes = 0;
  }
}
