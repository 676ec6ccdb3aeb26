import type { Slices } from '../api.js';
import type { Segment } from '../memory/segment.js';
import type { SegmentCache } from '../memory/segment-cache.js';

/** A part of a segment that a read needs. Bytes from the file's start. */
export interface Span {
  readonly segment: Segment;
  readonly from: number;
  readonly to: number;
}

/** Past the end of the file. */
export const NO_SLICES: Slices = { parts: [], bytes: 0, release() {} };

/** Bytes of segments that are held until `release`. */
export class HeldSlices implements Slices {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  readonly #cache: SegmentCache;
  readonly #spans: readonly Span[];
  #released = false;

  /** Takes over the caller's hold of each span's segment. */
  constructor(cache: SegmentCache, spans: readonly Span[]) {
    this.#cache = cache;
    this.#spans = spans;
    this.parts = spans.flatMap(({ segment, from, to }) => segment.parts(from, to));
    this.bytes = spans.reduce((sum, { from, to }) => sum + to - from, 0);
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    for (const { segment, from, to } of this.#spans) {
      segment.deliveredBytes += to - from;
      this.#cache.release(segment);
    }
  }
}
