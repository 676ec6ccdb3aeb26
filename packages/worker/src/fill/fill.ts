import { PAGE_BYTES, type RingMember, type Source } from '@tidecache/protocol';
import type { Block, Extent } from '../block.js';

/** What a fill reads: one extent of one block of one file version. */
export interface FillTarget {
  readonly block: Block;
  readonly blockIndex: number;
  readonly extent: Extent;
  readonly source: Source;
  /** The block's owner, to copy it from; undefined: from the origin. */
  readonly owner?: RingMember | undefined;
}

/** One read from an origin or a block's owner, from its admission to its end. */
export class Fill implements FillTarget {
  readonly block: Block;
  readonly blockIndex: number;
  readonly extent: Extent;
  readonly source: Source;
  /** Undefined once it failed: the rest comes from the origin. */
  owner: RingMember | undefined;
  /** What it was admitted with: the extent may shrink. */
  readonly bytes: number;
  /** Nobody but read-ahead asked for it yet. */
  readAhead: boolean;
  /** Somebody got bytes of it: whoever did reads on, so the rest is worth having. */
  served = false;
  state: 'queued' | 'running' | 'ended' = 'queued';
  /** Aborted when the fill is given up. */
  readonly abort = new AbortController();

  constructor(target: FillTarget, readAhead: boolean) {
    this.block = target.block;
    this.blockIndex = target.blockIndex;
    this.extent = target.extent;
    this.source = target.source;
    this.owner = target.owner;
    this.bytes = target.extent.bytes;
    this.readAhead = readAhead;
  }

  /** Bytes of the block, from the first of the fill to the one after its last. */
  get from(): number {
    return this.extent.firstPage * PAGE_BYTES;
  }

  get to(): number {
    return this.from + this.bytes;
  }

  /** Bytes from the object's start. */
  get offset(): number {
    return this.blockIndex * this.source.blockBytes + this.from;
  }

  /** Whether a range of the block has bytes of this fill. */
  overlaps(from: number, to: number): boolean {
    return from < this.to && to > this.from;
  }
}
