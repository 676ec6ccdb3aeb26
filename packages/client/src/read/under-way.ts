/**
 * What one stream has asked for ahead and not got yet, and how much of it there may be. Workers refuse read-ahead that
 * they have no room for: then there may be as much as they took, and a chunk more with each round that they take all of
 * it, as TCP avoids congestion (RFC 5681).
 */
import { MAX_UNDER_WAY_BYTES } from '../limits.js';
import type { Range } from './range.js';

/** What came of a range that was asked for. What was there before is neither. */
export interface Outcome {
  readonly arrivedBytes: number;
  readonly missingBytes: number;
}

export class UnderWay {
  readonly #chunkBytes: number;
  #ranges: Range[] = [];
  #limitBytes = MAX_UNDER_WAY_BYTES;

  /** `chunkBytes`: the longest of its ranges. */
  constructor(chunkBytes: number) {
    this.#chunkBytes = chunkBytes;
  }

  get roomBytes(): number {
    return this.#limitBytes - this.#bytes;
  }

  get #bytes(): number {
    let bytes = 0;
    for (const { from, to } of this.#ranges) bytes += to - from;
    return bytes;
  }

  add(ranges: readonly Range[]): void {
    this.#ranges.push(...ranges);
  }

  /** As {@link ReadAhead.ended}; `range` itself, not one that equals it. False when it is none of these. */
  end(range: Range, { arrivedBytes, missingBytes }: Outcome): boolean {
    const at = this.#ranges.indexOf(range);
    if (at < 0) return false;
    this.#ranges.splice(at, 1);
    const grown = this.#limitBytes + (this.#chunkBytes * arrivedBytes) / this.#limitBytes;
    this.#limitBytes =
      missingBytes === 0
        ? Math.min(grown, MAX_UNDER_WAY_BYTES)
        : Math.max(Math.min(this.#bytes, this.#limitBytes), this.#chunkBytes);
    return true;
  }

  /** Nothing that reaches past `offset` has been asked for. */
  stop(offset: number): void {
    this.#ranges = this.#ranges.filter(({ to }) => to <= offset);
  }
}
