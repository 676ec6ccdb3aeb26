/**
 * What one handle will read next, guessed from what it read. A pure state machine: no clock, no memory, no network.
 * Several streams are told apart on one handle, since threads share descriptors and the kernel reorders its requests.
 */
import {
  LARGE_READ_BYTES,
  MAX_CHUNK_BYTES,
  MAX_STREAMS,
  MAX_STRIDE_AHEAD,
  MIN_STRIDE_AHEAD,
  MIN_WINDOW_BYTES,
  REORDER_BYTES,
  REORDER_READS,
  SEGMENT_BYTES,
  STREAM_BONUS_READS,
  STRIDE_READS,
  WINDOW_GROWTH,
} from '../limits.js';
import type { Range } from './range.js';
import { type Outcome, UnderWay } from './under-way.js';

export type Pattern = 'sequential' | 'strided' | 'random';

export interface Advice {
  readonly pattern: Pattern;
  /** To be asked for ahead, nearest first. */
  readonly ahead: readonly Range[];
  /** Was asked for ahead, and nobody will come for it. */
  readonly abandoned?: Range;
}

interface Stream {
  /** Where the next read is expected: the furthest end so far. */
  frontier: number;
  /** Asked for up to here. */
  askedTo: number;
  readonly underWay: UnderWay;
  windowBytes: number;
  /** Where the window last grew: it grows again once half of it has been read. */
  grewAt: number;
  /** Reads that went on where the one before had stopped. */
  hits: number;
  lastUse: number;
}

const RANDOM: Advice = { pattern: 'random', ahead: [] };
const NO_MORE: Advice = { pattern: 'sequential', ahead: [] };

export class ReadAhead {
  readonly #fileBytes: number;
  /** What is asked for in one go: its bytes come together, so that they count as under way until all are there. */
  readonly #chunkBytes: number;
  #streams: Stream[] = [];
  #reads = 0;
  #last: Stream | undefined;
  // The last read that began a stream or a stride, and how often the same distance came in a row.
  #jumpOffset = -1;
  #jumpLength = 0;
  #stride = 0;
  #strideReads = 1;
  #strideAhead = MIN_STRIDE_AHEAD;

  constructor(fileBytes: number, blockBytes = SEGMENT_BYTES) {
    this.#fileBytes = fileBytes;
    this.#chunkBytes = Math.min(Math.max(blockBytes, SEGMENT_BYTES), MAX_CHUNK_BYTES);
  }

  /** Whether a stream was recognised that has not reached the file's end. */
  get streaming(): boolean {
    return this.#streams.some(({ hits, frontier }) => hits > 0 && frontier < this.#fileBytes);
  }

  /**
   * Takes note of a read of `length` bytes at `offset`, within the file, and says what to do about it. `ready`: its
   * bytes were there already, so that asking further ahead would gain nothing. A window is `minWindowBytes` at least,
   * unless `maxWindowBytes` is less. All in bytes.
   */
  observe(
    offset: number,
    length: number,
    ready: boolean,
    maxWindowBytes: number,
    minWindowBytes = MIN_WINDOW_BYTES,
  ): Advice {
    this.#reads++;
    const stream = this.#match(offset, length);
    if (stream) {
      stream.windowBytes = Math.max(stream.windowBytes, minWindowBytes);
      return this.#advance(stream, offset + length, ready, maxWindowBytes);
    }
    // Also at a stride: threads that start at equal distances look like one, and each reads on from there.
    const begun = this.#newStream(offset, length);
    const abandoned = this.#add(begun);
    const stride = this.#matchStride(offset, length);
    const advice =
      stride === 0
        ? this.#begin(begun, offset, length)
        : this.#step(stride, offset, length, ready, maxWindowBytes);
    return abandoned ? { ...advice, abandoned } : advice;
  }

  /** What to ask for beside, when the window of the stream that was read last is `minWindowBytes` from now on, as above. */
  widen(maxWindowBytes: number, minWindowBytes: number): Advice {
    const stream = this.#last;
    if (!stream) return RANDOM;
    stream.windowBytes = Math.min(Math.max(stream.windowBytes, minWindowBytes), maxWindowBytes);
    return this.#askAhead(stream);
  }

  /** Memory ended at `offset`: what the last advice named from there on was not asked for, and is named again later. */
  stoppedAt(offset: number): void {
    const stream = this.#last;
    if (!stream) return;
    stream.askedTo = Math.min(stream.askedTo, offset);
    stream.underWay.stop(offset);
  }

  /**
   * No more of `range`, as an advice named it, will arrive. So what is under way stays the same while a reader waits, and
   * does not rise and fall with the kernel's requests, which come many at once.
   */
  ended(range: Range, outcome: Outcome): Advice {
    const stream = this.#streams.find(({ underWay }) => underWay.end(range, outcome));
    if (!stream) return RANDOM;
    if (outcome.missingBytes === 0) return this.#askAhead(stream);
    // Asked for again by the next read, or when something arrives: not at once, or who is refused would insist.
    stream.askedTo = Math.min(stream.askedTo, range.from);
    return NO_MORE;
  }

  /** Nobody reads any more: asks for nothing more. */
  stop(): void {
    this.#streams = [];
    this.#last = undefined;
  }

  /** The stream that this read belongs to: the nearest of those that expect it about here. */
  #match(offset: number, length: number): Stream | undefined {
    const slack = Math.min(length * REORDER_READS, REORDER_BYTES);
    let best: Stream | undefined;
    let bestDistance = slack;
    for (const stream of this.#streams) {
      const distance = Math.abs(stream.frontier - offset);
      if (distance <= bestDistance) {
        best = stream;
        bestDistance = distance;
      }
    }
    return best;
  }

  #advance(stream: Stream, end: number, ready: boolean, maxWindowBytes: number): Advice {
    stream.hits++;
    stream.lastUse = this.#reads;
    stream.frontier = Math.max(stream.frontier, end);
    if (!ready && stream.frontier - stream.grewAt >= stream.windowBytes / 2) {
      stream.windowBytes *= WINDOW_GROWTH;
      stream.grewAt = stream.frontier;
    }
    stream.windowBytes = Math.max(MIN_WINDOW_BYTES, Math.min(stream.windowBytes, maxWindowBytes));
    return this.#askAhead(stream);
  }

  #askAhead(stream: Stream): Advice {
    this.#last = stream;
    // In whole blocks, once it is larger: a worker fetches all of a block at the first request for it.
    const step = stream.windowBytes < this.#chunkBytes ? SEGMENT_BYTES : this.#chunkBytes;
    const end = Math.min(roundUp(stream.frontier + stream.windowBytes, step), this.#fileBytes);
    let at = Math.max(stream.askedTo, roundUp(stream.frontier, SEGMENT_BYTES));
    if (at >= end) return NO_MORE;
    let { roomBytes } = stream.underWay;
    const ahead: Range[] = [];
    while (at < end) {
      const to = Math.min(at - (at % this.#chunkBytes) + this.#chunkBytes, end);
      if (to - at > roomBytes) break;
      ahead.push({ from: at, to });
      roomBytes -= to - at;
      at = to;
    }
    if (ahead.length > 0) stream.askedTo = at;
    stream.underWay.add(ahead);
    return { pattern: 'sequential', ahead };
  }

  #newStream(offset: number, length: number): Stream {
    return {
      frontier: offset + length,
      askedTo: 0,
      underWay: new UnderWay(this.#chunkBytes),
      windowBytes: MIN_WINDOW_BYTES,
      grewAt: offset,
      hits: 0,
      lastUse: this.#reads,
    };
  }

  #begin(stream: Stream, offset: number, length: number): Advice {
    // Who starts at the start, and not with a peek at a header, reads on.
    if (offset === 0 && length >= LARGE_READ_BYTES) {
      stream.hits = 1;
      return this.#askAhead(stream);
    }
    this.#last = undefined;
    return RANDOM;
  }

  /** Keeps the stream instead of the one that was longest without a read; what that one had asked for is returned. */
  #add(stream: Stream): Range | undefined {
    if (this.#streams.length < MAX_STREAMS) {
      this.#streams.push(stream);
      return undefined;
    }
    let oldest = 0;
    for (let i = 1; i < this.#streams.length; i++) {
      if (worth(this.#streams[i]!) < worth(this.#streams[oldest]!)) oldest = i;
    }
    const { frontier, askedTo } = this.#streams[oldest]!;
    this.#streams[oldest] = stream;
    return askedTo > frontier ? { from: frontier, to: askedTo } : undefined;
  }

  /** The distance at which reads come, once it was the same {@link STRIDE_READS} times; else 0. */
  #matchStride(offset: number, length: number): number {
    const stride = this.#jumpOffset < 0 ? 0 : offset - this.#jumpOffset;
    const same = stride !== 0 && stride === this.#stride && length === this.#jumpLength;
    this.#strideReads = same ? this.#strideReads + 1 : 2;
    if (!same) this.#strideAhead = MIN_STRIDE_AHEAD;
    this.#jumpOffset = offset;
    this.#jumpLength = length;
    this.#stride = stride;
    return this.#strideReads >= STRIDE_READS && same ? stride : 0;
  }

  #step(stride: number, offset: number, length: number, ready: boolean, maxWindowBytes: number): Advice {
    this.#last = undefined;
    if (!ready) this.#strideAhead = Math.min(this.#strideAhead * 2, MAX_STRIDE_AHEAD);
    const most = Math.max(1, Math.min(this.#strideAhead, Math.floor(maxWindowBytes / length)));
    const ahead: Range[] = [];
    for (let i = 1; i <= most; i++) {
      const from = offset + stride * i;
      if (from < 0 || from >= this.#fileBytes) break;
      ahead.push({ from, to: Math.min(from + length, this.#fileBytes) });
    }
    return { pattern: 'strided', ahead };
  }
}

/** A stream that was read on from outlives some reads that were not. */
const worth = ({ lastUse, hits }: Stream): number => lastUse + (hits > 0 ? STREAM_BONUS_READS : 0);

const roundUp = (offset: number, step: number): number => Math.ceil(offset / step) * step;
