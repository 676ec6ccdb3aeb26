/** A range of a file on its way into memory, or there. */
import type { TidecacheError } from '@tidecache/protocol';
import type { Piece } from '../read/plan.js';
import type { Lease } from '../workers/lease.js';
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
  /** The memory that it arrives in; gone when all of it turned out to be in workers' memory. */
  block: Block | undefined;
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
  /** By piece: the worker's memory that holds it, where it is not in the block. */
  #leases: (Lease | undefined)[] | undefined;
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

  /** Part of it was in the memory of a worker that this client is no longer connected to. */
  get isLost(): boolean {
    return this.#leases?.some((lease) => lease?.revoked) ?? false;
  }

  /** None of it is in its block. */
  get isMapped(): boolean {
    return this.#leases !== undefined && this.pieces.every((_, i) => this.#leases?.[i] !== undefined);
  }

  covers(from: number, to: number): boolean {
    return this.start <= from && to <= this.end && this.state !== 'failed' && !this.isLost;
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

  /** Where a part of it is to arrive. */
  room(from: number, to: number): Uint8Array {
    const { bytes } = this.block!;
    if (from === this.start && to - from === bytes.length) return bytes;
    return bytes.subarray(from - this.start, to - this.start);
  }

  /** The bytes themselves; to be looked at while held, and not lost. */
  parts(from: number, to: number): Uint8Array[] {
    if (this.#leases === undefined) return [this.room(from, to)];
    const parts: Uint8Array[] = [];
    for (const [i, { fileOffset, length }] of this.pieces.entries()) {
      const start = Math.max(from, fileOffset);
      const end = Math.min(to, fileOffset + length);
      if (start >= end) continue;
      const lease = this.#leases[i];
      if (lease) lease.slice(start - fileOffset, end - fileOffset, parts);
      else parts.push(this.room(start, end));
    }
    return parts;
  }

  /** Piece `index` is in a worker's memory. */
  lend(index: number, lease: Lease): void {
    this.#leases ??= [];
    this.#leases[index] = lease;
  }

  /** Nobody looks at it any more. */
  endLeases(): void {
    for (const lease of this.#leases ?? []) lease?.release();
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
