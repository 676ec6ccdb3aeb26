/** Serves the reads of all handles from one memory: finds, asks for, waits for and asks ahead for segments. */
import { asTidecacheError, READ_DEADLINE_MS, SECTOR_BYTES, TidecacheError } from '@tidecache/protocol';
import type { MaybePromise, Slices } from '../api.js';
import {
  LARGE_READ_BYTES,
  MAX_WINDOW_BYTES,
  MIN_HOT_WINDOW_BYTES,
  MIN_IN_FLIGHT_BYTES,
  MIN_WINDOW_BYTES,
  SEGMENT_BYTES,
  SMALL_FILE_BYTES,
  WINDOWS_SHARE,
} from '../limits.js';
import type { Block } from '../memory/arena.js';
import { Segment } from '../memory/segment.js';
import { type SegmentCache, segmentIndexOf } from '../memory/segment-cache.js';
import type { OpenFile } from './open-file.js';
import type { FetchContext } from './piece-fetch.js';
import { planRead } from './plan.js';
import type { Range } from './range.js';
import type { Advice, ReadAhead } from './read-ahead.js';
import { fetchSegment } from './segment-fetch.js';
import { HeldSlices, type Span } from './slices.js';
import { Streams } from './streams.js';
import type { Outcome } from './under-way.js';

export interface ReaderInit {
  readonly context: FetchContext;
  readonly cache: SegmentCache;
  readonly bufferBytes: number;
  /** A small file is being read from its start. */
  readonly onSmallRead: (file: OpenFile) => void;
  /** The version is gone from its origin: told once per file. */
  readonly onStale: (file: OpenFile, error: TidecacheError) => void;
}

export class Reader {
  readonly #init: ReaderInit;
  readonly #cache: SegmentCache;
  readonly #streams = new Streams();

  constructor(init: ReaderInit) {
    this.#init = init;
    this.#cache = init.cache;
  }

  /** The bytes from `from` to `to`, both within the file. */
  read(file: OpenFile, readAhead: ReadAhead, from: number, to: number): MaybePromise<Slices> {
    if (from === 0 && file.size <= SMALL_FILE_BYTES) this.#init.onSmallRead(file);
    const ready = this.#isReady(file, from, to);
    const now = this.#init.context.clock.now();
    const hot = file.hotUntil > now;
    const minWindowBytes = hot ? MIN_HOT_WINDOW_BYTES : MIN_WINDOW_BYTES;
    const advice = readAhead.observe(from, to - from, ready, this.#maxWindowBytes(), minWindowBytes);
    this.#streams.read(readAhead, now);
    file.lastReader = readAhead;
    const answer = ready ? this.#slices(this.#holdAll(file, from, to)) : this.#fetch(file, advice, from, to);
    if (advice.abandoned) this.abandon(file, advice.abandoned);
    this.#askAhead(file, readAhead, advice, to - from);
    return answer;
  }

  /** Nobody reads there any more. */
  end(readAhead: ReadAhead): void {
    readAhead.stop();
    this.#streams.end(readAhead);
  }

  /** Begins to fetch a small file whole; false when there is no room for what nobody waits for. */
  fetchAhead(file: OpenFile): boolean {
    if (file.segments.get(0)?.covers(0, file.size)) return true;
    return this.#askOne(file, { from: 0, to: file.size }, false) !== undefined;
  }

  /** Nobody will come for what was asked for ahead in `range`. */
  abandon(file: OpenFile, range: Range): void {
    for (let index = segmentIndexOf(range.from); index * SEGMENT_BYTES < range.to; index++) {
      const segment = file.segments.get(index);
      if (segment) this.#cache.abandon(segment);
    }
  }

  /** As {@link abandon}, for all that the file has. */
  abandonAll(file: OpenFile): void {
    for (const segment of [...file.segments.values()]) this.#cache.abandon(segment);
  }

  /** Nobody may find any of it any more. */
  dropAll(file: OpenFile): void {
    for (const segment of [...file.segments.values()]) this.#cache.drop(segment);
  }

  #maxWindowBytes(): number {
    return Math.min(
      MAX_WINDOW_BYTES,
      (this.#init.bufferBytes * WINDOWS_SHARE) / Math.max(1, this.#streams.count),
    );
  }

  #isReady(file: OpenFile, from: number, to: number): boolean {
    for (let at = from; at < to; ) {
      const index = segmentIndexOf(at);
      const until = Math.min(to, (index + 1) * SEGMENT_BYTES);
      if (!file.segments.get(index)?.has(at, until)) return false;
      at = until;
    }
    return true;
  }

  /** Spans of segments that are there, or on their way; holes where nothing is. */
  #find(file: OpenFile, from: number, to: number): { spans: Span[]; missing: Range[] } {
    const spans: Span[] = [];
    const missing: Range[] = [];
    for (let at = from; at < to; ) {
      const index = segmentIndexOf(at);
      const until = Math.min(to, (index + 1) * SEGMENT_BYTES);
      const segment = file.segments.get(index);
      if (segment?.covers(at, until)) spans.push({ segment, from: at, to: until });
      else missing.push({ from: at, to: until });
      at = until;
    }
    return { spans, missing };
  }

  #holdAll(file: OpenFile, from: number, to: number): Span[] {
    const { spans } = this.#find(file, from, to);
    for (const { segment } of spans) this.#cache.hold(segment);
    return spans;
  }

  #slices(spans: readonly Span[]): Slices {
    const slices = new HeldSlices(this.#cache, spans);
    this.#init.context.counters.readBytes += slices.bytes;
    return slices;
  }

  #fetch(
    file: OpenFile,
    advice: Advice,
    from: number,
    to: number,
    deadlineAt = this.#init.context.clock.now() + READ_DEADLINE_MS,
  ): Promise<Slices> {
    // What was in the memory of a worker that is gone by now is fetched again.
    const again = () => this.#fetch(file, advice, from, to, deadlineAt);
    const { spans, missing } = this.#find(file, from, to);
    for (const { segment } of spans) this.#demand(segment, deadlineAt);
    if (missing.length === 0) return this.#whenThere(file, spans, deadlineAt, again);
    const extents = missing.map((range) => this.#extent(file, advice, range));
    const sizes = extents.map((extent) => extent.to - extent.from);
    const begin = (blocks: Block[]) => {
      for (const [i, block] of blocks.entries()) {
        const span = this.#begin(file, extents[i]!, missing[i]!, block, advice, to - from);
        this.#demand(span.segment, deadlineAt);
        spans.push(span);
      }
      spans.sort((a, b) => a.from - b.from);
      return this.#whenThere(file, spans, deadlineAt, again);
    };
    const letGo = (thrown: unknown): never => {
      for (const { segment } of spans) this.#cache.release(segment);
      throw asTidecacheError(thrown);
    };
    try {
      const blocks = this.#cache.memory.take(sizes, deadlineAt);
      return blocks instanceof Promise ? blocks.then(begin, letGo) : begin(blocks);
    } catch (thrown) {
      return letGo(thrown);
    }
  }

  /** What to fetch for a range that is missing: the whole segment for a stream, whole sectors for a look-up. */
  #extent(file: OpenFile, advice: Advice, range: Range): Range {
    const start = segmentIndexOf(range.from) * SEGMENT_BYTES;
    const end = Math.min(start + SEGMENT_BYTES, file.size);
    if (advice.pattern === 'sequential' || file.size <= SMALL_FILE_BYTES) return { from: start, to: end };
    return {
      from: Math.floor(range.from / SECTOR_BYTES) * SECTOR_BYTES,
      to: Math.min(Math.ceil(range.to / SECTOR_BYTES) * SECTOR_BYTES, end),
    };
  }

  #begin(file: OpenFile, extent: Range, range: Range, block: Block, advice: Advice, readBytes: number): Span {
    // While this read waited for memory, another may have begun the same segment.
    const there = file.segments.get(segmentIndexOf(range.from));
    if (there?.covers(range.from, range.to)) {
      this.#cache.memory.give(block);
      return { segment: there, ...range };
    }
    const segment = this.#newSegment(file, extent, block);
    const whole =
      extent.from % SEGMENT_BYTES === 0 && extent.to === Math.min(extent.from + SEGMENT_BYTES, file.size);
    if (whole && !file.stale) this.#cache.share(file.segments, segment);
    // Before the fetch sends its first request, which says whether somebody waits.
    segment.demanded = true;
    segment.deadlineAt = this.#init.context.clock.now() + READ_DEADLINE_MS;
    void this.#start(file, segment, advice.pattern === 'sequential' || readBytes >= LARGE_READ_BYTES, false);
    return { segment, ...range };
  }

  #newSegment(file: OpenFile, extent: Range, block: Block): Segment {
    const { size, blockBytes } = file.source;
    return new Segment(
      extent.from,
      extent.to,
      block,
      planRead(extent.from, extent.to - extent.from, size, blockBytes),
    );
  }

  #start(file: OpenFile, segment: Segment, wholeBlock: boolean, cancellable: boolean): Promise<void> {
    const onFailure = (error: TidecacheError) => {
      if (error.code === 'STALE') this.#init.onStale(file, error);
    };
    const onHot = () => this.#widen(file);
    const options = { wholeBlock, cancellable, onFailure, onHot };
    return fetchSegment(this.#init.context, this.#cache, file, segment, options);
  }

  /** The file has just turned hot: what its spread can send at once is not asked for at the next read alone. */
  #widen(file: OpenFile): void {
    const readAhead = file.lastReader;
    const advice = readAhead?.widen(this.#maxWindowBytes(), MIN_HOT_WINDOW_BYTES);
    if (readAhead && advice) this.#askAhead(file, readAhead, advice, LARGE_READ_BYTES);
  }

  /** Holds the segment for a reader that waits for it until `deadlineAt`. */
  #demand(segment: Segment, deadlineAt: number): void {
    this.#cache.hold(segment);
    segment.demanded = true;
    segment.deadlineAt = Math.max(segment.deadlineAt, deadlineAt);
  }

  /** Takes over the holds of `spans`: they end with the slices, or with the failure. */
  #whenThere(
    file: OpenFile,
    spans: readonly Span[],
    deadlineAt: number,
    again: () => Promise<Slices>,
  ): Promise<Slices> {
    const { clock } = this.#init.context;
    return new Promise((resolve, reject) => {
      let awaited = 1;
      let settled = false;
      const finish = (error?: TidecacheError) => {
        if (settled) return;
        settled = true;
        stopTimer();
        const isLost = spans.some(({ segment }) => segment.isLost);
        if (!error && !isLost) {
          resolve(this.#slices(spans));
          return;
        }
        for (const { segment } of spans) this.#cache.release(segment);
        if (isLost) resolve(again());
        else reject(error);
      };
      const stopTimer = clock.after(Math.max(0, deadlineAt - clock.now()), () => {
        const range = `${spans[0]!.from} to ${spans[spans.length - 1]!.to}`;
        finish(
          new TidecacheError(
            'TIMEOUT',
            `cannot read bytes ${range} of ${file.source.key} in ${READ_DEADLINE_MS} ms`,
          ),
        );
      });
      const arrived = (error?: TidecacheError) => {
        if (error || --awaited === 0) finish(error);
      };
      for (const { segment, from, to } of spans) {
        if (segment.has(from, to)) continue;
        awaited++;
        segment.wait(from, to, arrived);
      }
      arrived();
    });
  }

  #askAhead(file: OpenFile, readAhead: ReadAhead, advice: Advice, readBytes: number): void {
    const wholeBlock = advice.pattern === 'sequential' || readBytes >= LARGE_READ_BYTES;
    for (const range of advice.ahead) {
      const fetches: Promise<Segment>[] = [];
      for (let at = range.from; at < range.to; ) {
        const start = segmentIndexOf(at) * SEGMENT_BYTES;
        const until = Math.min(range.to, start + SEGMENT_BYTES);
        if (!file.segments.get(segmentIndexOf(at))?.covers(at, until)) {
          const fetching = this.#askOne(
            file,
            this.#extent(file, advice, { from: at, to: until }),
            wholeBlock,
          );
          if (!fetching) {
            readAhead.stoppedAt(at);
            return;
          }
          fetches.push(fetching);
        }
        at = until;
      }
      void Promise.all(fetches).then((segments) => {
        this.#askAhead(file, readAhead, readAhead.ended(range, outcomeOf(segments)), readBytes);
      });
    }
  }

  /** A block at each worker, so that readers in step find all of them: no more, or few workers have long queues. */
  #leastInFlightBytes({ source }: OpenFile): number {
    const { size } = this.#init.context.workers;
    const aBlockEach = source.blockBytes * (size || Number.POSITIVE_INFINITY);
    return Math.max(SEGMENT_BYTES, Math.min(aBlockEach, MIN_IN_FLIGHT_BYTES));
  }

  /** Resolves at the end, whichever it is. Undefined when there is no memory, or enough on its way, for more than who waits. */
  #askOne(file: OpenFile, extent: Range, wholeBlock: boolean): Promise<Segment> | undefined {
    const { clock, closed, pace } = this.#init.context;
    const bytes = extent.to - extent.from;
    if (file.stale || closed() || !pace.roomFor(bytes, this.#leastInFlightBytes(file))) return undefined;
    const block = this.#cache.memory.tryTake(bytes);
    if (!block) return undefined;
    const segment = this.#newSegment(file, extent, block);
    segment.deadlineAt = clock.now() + READ_DEADLINE_MS;
    this.#cache.share(file.segments, segment);
    return this.#start(file, segment, wholeBlock, true).then(() => segment);
  }
}

function outcomeOf(segments: readonly Segment[]): Outcome {
  let arrivedBytes = 0;
  let missingBytes = 0;
  for (const { state, length } of segments) {
    if (state === 'whole') arrivedBytes += length;
    else missingBytes += length;
  }
  return { arrivedBytes, missingBytes };
}
