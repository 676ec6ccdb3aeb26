/** A range of a file on its way into memory, or there. */
import type { TidecacheError } from '@tidecache/protocol';
import type { Piece } from '../read/plan.js';
import type { Block } from './arena.js';

/** Told once, when the range that it waits for is there, or why it won't be. */
export type Settle = (error?: TidecacheError) => void;

interface Waiter {
  readonly from: number;
  readonly to: number;
  readonly settle: Settle;
}

export class Segment {
  /** Bytes from the file's start. */
  readonly start: number;
  readonly end: number;
  readonly block: Block;
  /** The parts of blocks that it is fetched by. */
  readonly pieces: readonly Piece[];
  state: 'arriving' | 'whole' | 'failed' = 'arriving';
  /** Readers that look at the bytes, and the fetch that writes them. Above 0 the block stays. */
  holds = 0;
  /** Whether others can find it, by its file and index. */
  shared = false;
  /** Somebody waits for it: then it is worth every attempt until `deadlineAt`. */
  demanded = false;
  deadlineAt = 0;
  /** Bytes that readers took, over all of them. */
  deliveredBytes = 0;
  /** When it came to rest: whole, and held by nobody. */
  idleSince = 0;
  /** Ends a fetch that nobody waits for. */
  cancel: (() => void) | undefined;
  /** By piece: bytes from its start that have arrived. */
  readonly #arrived: number[];
  #waiters: Waiter[] = [];

  constructor(start: number, end: number, block: Block, pieces: readonly Piece[]) {
    this.start = start;
    this.end = end;
    this.block = block;
    this.pieces = pieces;
    this.#arrived = pieces.map(() => 0);
  }

  get length(): number {
    return this.end - this.start;
  }

  /** Bytes that have arrived, over all pieces. */
  get arrivedBytes(): number {
    return this.#arrived.reduce((sum, bytes) => sum + bytes, 0);
  }

  covers(from: number, to: number): boolean {
    return this.start <= from && to <= this.end && this.state !== 'failed';
  }

  /** Whether these bytes of the file are there already. */
  has(from: number, to: number): boolean {
    if (!this.covers(from, to)) return false;
    if (this.state === 'whole') return true;
    return this.pieces.every((piece, i) => {
      const until = Math.min(to, piece.fileOffset + piece.length);
      return until <= Math.max(from, piece.fileOffset) || piece.fileOffset + this.#arrived[i]! >= until;
    });
  }

  /** The bytes themselves; to be looked at while held. */
  view(from: number, to: number): Uint8Array {
    const { bytes } = this.block;
    if (from === this.start && to - from === bytes.length) return bytes;
    return bytes.subarray(from - this.start, to - this.start);
  }

  /** Calls `settle` when `from` to `to` are there, or when they will not come. */
  wait(from: number, to: number, settle: Settle): void {
    this.#waiters.push({ from, to, settle });
  }

  /** `bytes` from the start of piece `index` are there. */
  progress(index: number, bytes: number): void {
    this.#arrived[index] = bytes;
    this.#settle((waiter) => this.has(waiter.from, waiter.to));
  }

  /** All of it is there. */
  complete(): void {
    if (this.state !== 'arriving') return;
    this.state = 'whole';
    this.#settle(() => true);
  }

  /** The rest won't come: whoever waits is told why. What has arrived stays readable to who holds it. */
  fail(error: TidecacheError): void {
    if (this.state !== 'arriving') return;
    this.state = 'failed';
    this.#settle(() => true, error);
  }

  #settle(isDone: (waiter: Waiter) => boolean, error?: TidecacheError): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    // First the list, then the calls: a reader that is told may come back at once.
    this.#waiters = waiters.filter((waiter) => !isDone(waiter));
    if (this.#waiters.length === waiters.length) return;
    const left = new Set(this.#waiters);
    for (const waiter of waiters) if (!left.has(waiter)) waiter.settle(error);
  }
}
