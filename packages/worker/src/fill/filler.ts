/**
 * Fills blocks from origins, or a hot block's replica from its owner. A page is in one fill at most, so however many read it, it's fetched once. Memory and
 * room in the queue are taken when a fill is admitted, synchronously: an overloaded worker says BUSY at once, and
 * what was admitted can't fail for want of memory.
 */
import {
  asTidecacheError,
  MiB,
  PAGE_BYTES,
  type RingMember,
  SECTOR_BYTES,
  type Source,
  TidecacheError,
} from '@tidecache/protocol';
import type { Block, Extent, PageRun } from '../block.js';
import { FILL_DEADLINE_MS, type Limits, MAX_EXTENT_BYTES } from '../limits.js';
import type { Origins } from '../origins.js';
import type { Neighbours } from '../spread/neighbours.js';
import type { BlockStore } from '../store.js';
import { Fill } from './fill.js';
import { FillQueue } from './fill-queue.js';

/** Told how fills end: the readers' side. */
export interface FillEvents {
  /** Bytes of the block from `from` to `to` won't come from this fill: it failed, or was cancelled. */
  onLost(fill: Fill, from: number, error: TidecacheError): void;
}

export class Filler {
  /** Bytes read from origins. */
  filledBytes = 0;
  failures = 0;
  /** Bytes read from the owners of blocks. */
  copiedBytes = 0;
  copyFailures = 0;
  #closed = false;
  readonly queue: FillQueue;
  readonly #store: BlockStore;
  readonly #origins: Origins;
  readonly #neighbours: Neighbours;
  readonly #events: FillEvents;
  readonly #fillsOf = new Map<Block, Set<Fill>>();
  #idle: (() => void) | undefined;

  constructor(init: {
    store: BlockStore;
    origins: Origins;
    neighbours: Neighbours;
    limits: Limits;
    events: FillEvents;
  }) {
    this.#store = init.store;
    this.#origins = init.origins;
    this.#neighbours = init.neighbours;
    this.#events = init.events;
    this.queue = new FillQueue(init.limits);
  }

  /** Fills of a block that have not ended. */
  *fillsOf(block: Block): Iterable<Fill> {
    yield* this.#fillsOf.get(block) ?? [];
  }

  /**
   * Starts fills of runs of pages that are absent, all of them, or throws BUSY and none. The block must be pinned by
   * the caller, or not be in the store yet. With `owner` they are copied from that worker, and what it does not give
   * comes from the origin.
   */
  admit(
    block: Block,
    blockIndex: number,
    source: Source,
    runs: PageRun[],
    readAhead: boolean,
    owner?: RingMember,
  ): void {
    if (this.#closed) throw new TidecacheError('UNREACHABLE', 'the worker is closing');
    const extents = this.#reserve(block, runs, readAhead);
    for (const extent of extents) {
      this.#store.attach(block, extent);
      this.#store.pin(block);
      const fill = new Fill({ block, blockIndex, extent, source, owner }, readAhead);
      const fills = this.#fillsOf.get(block);
      if (fills) fills.add(fill);
      else this.#fillsOf.set(block, new Set([fill]));
      this.queue.add(fill);
    }
  }

  /** Runs what may run. Apart from {@link admit}, since an origin may answer before its call returns. */
  pump(): void {
    for (let fill = this.queue.start(); fill; fill = this.queue.start()) {
      void (fill.owner ? this.#copy(fill, fill.owner) : this.#run(fill));
    }
  }

  /** Nobody wants the fill any more. Its memory goes back when the origin has let go of it. */
  cancel(fill: Fill): void {
    if (fill.state === 'queued') {
      this.queue.remove(fill);
      this.#lose(fill, cancelled(fill));
      this.#ended(fill);
    } else {
      fill.abort.abort();
    }
  }

  /** Cancels everything and waits until no origin writes to this memory any more. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const fills of this.#fillsOf.values()) for (const fill of fills) this.cancel(fill);
    if (this.#fillsOf.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  /** Memory for all runs, in extents; takes none and throws BUSY when one does not fit. */
  #reserve(block: Block, runs: PageRun[], readAhead: boolean): Extent[] {
    const ranges = runs.flatMap((run) => extentRanges(run, block.bytes));
    const bytes = ranges.reduce((sum, range) => sum + range.bytes, 0);
    if (!this.queue.hasRoomFor(ranges.length, bytes, readAhead)) {
      const waiting = `${this.queue.running} fills run, ${this.queue.waiting} wait`;
      throw new TidecacheError('BUSY', `the worker fills as much as it may: ${waiting}`);
    }
    const extents: Extent[] = [];
    for (const range of ranges) {
      const pieces = this.#store.reserve(range.bytes);
      if (!pieces) {
        for (const { unit, bytes } of extents) this.#store.pool.free(unit, bytes);
        throw new TidecacheError(
          'BUSY',
          `the worker's memory is full of blocks that are being read: no ${Math.ceil(range.bytes / MiB)} MiB are free`,
        );
      }
      let firstPage = range.firstPage;
      for (const { unit, bytes } of pieces) {
        extents.push({ firstPage, unit, bytes, arrivedBytes: 0 });
        firstPage += bytes / PAGE_BYTES;
      }
    }
    return extents;
  }

  async #run(fill: Fill): Promise<void> {
    fill.state = 'running';
    const { extent, source } = fill;
    // More than 0 when its owner gave some of it.
    const start = extent.arrivedBytes;
    try {
      await this.#origins.use(source.datasetId, (origin) =>
        origin.read(source.key, {
          version: source.version,
          offset: fill.offset + start,
          length: fill.bytes - start,
          into: this.#store.pool.view(extent.unit, start, fill.bytes),
          deadlineMs: FILL_DEADLINE_MS,
          signal: fill.abort.signal,
          onProgress: (bytes) => this.#arrived(fill, start + bytes),
        }),
      );
      this.#arrived(fill, fill.bytes);
    } catch (thrown) {
      if (!fill.abort.signal.aborted) this.failures++;
      this.#failed(fill, asTidecacheError(thrown, 'ORIGIN_FAILED'));
    }
    this.queue.end(fill);
    this.#ended(fill);
    this.pump();
  }

  async #copy(fill: Fill, owner: RingMember): Promise<void> {
    fill.state = 'running';
    try {
      await this.#neighbours.read(owner, fill, {
        into: this.#store.pool.view(fill.extent.unit, 0, fill.bytes),
        signal: fill.abort.signal,
        onProgress: (bytes) => this.#arrived(fill, bytes),
      });
      this.#arrived(fill, fill.bytes);
    } catch (thrown) {
      const error = asTidecacheError(thrown);
      if (error.code !== 'STALE' && !fill.abort.signal.aborted) {
        this.copyFailures++;
        fill.state = 'queued';
        this.queue.fallBack(fill);
        this.pump();
        return;
      }
      this.#failed(fill, error);
    }
    this.queue.end(fill);
    this.#ended(fill);
    this.pump();
  }

  #failed(fill: Fill, error: TidecacheError): void {
    const { aborted } = fill.abort.signal;
    // The version is gone: what came of it so far is right, but nobody should be told more of it.
    if (!aborted && error.code === 'STALE') this.#store.drop(fill.block);
    this.#lose(fill, aborted ? cancelled(fill) : error);
  }

  /** `bytes` from the fill's start are final. */
  #arrived(fill: Fill, bytes: number): void {
    const { block, extent } = fill;
    const checkedTo = bytes === fill.bytes ? bytes : bytes - (bytes % SECTOR_BYTES);
    // Progress that comes after the end, or goes back, is the origin's mistake.
    if (fill.state === 'ended' || checkedTo <= extent.arrivedBytes || checkedTo > fill.bytes) return;
    this.#store.checksums.record(extent, extent.arrivedBytes, checkedTo);
    if (fill.owner) this.copiedBytes += checkedTo - extent.arrivedBytes;
    else this.filledBytes += checkedTo - extent.arrivedBytes;
    extent.arrivedBytes = checkedTo;
    const presentTo = fill.from + checkedTo;
    for (const waiter of block.waiters ?? []) {
      const { at, to } = waiter;
      if (at >= presentTo || to <= fill.from) continue;
      waiter.advance();
      if (waiter.at > at) fill.served = true;
    }
  }

  /** Gives back the pages that are not whole, and tells who waited for them. */
  #lose(fill: Fill, error: TidecacheError): void {
    const { block, extent } = fill;
    fill.state = 'ended';
    const keptBytes = extent.arrivedBytes - (extent.arrivedBytes % PAGE_BYTES);
    // Bytes of a page that is not whole may be on their way to a reader: then nothing is freed before they are sent.
    if (block.sending > 0 && keptBytes < extent.arrivedBytes) this.#store.drop(block);
    if (!block.gone) this.#store.shrink(block, extent, keptBytes);
    this.#events.onLost(fill, fill.from + keptBytes, error);
  }

  #ended(fill: Fill): void {
    fill.state = 'ended';
    const fills = this.#fillsOf.get(fill.block);
    fills?.delete(fill);
    if (fills?.size === 0) this.#fillsOf.delete(fill.block);
    this.#store.unpin(fill.block);
    if (this.#fillsOf.size === 0) this.#idle?.();
  }
}

/** A run of pages in pieces of one extent at most, cut where a whole block would be cut. */
function extentRanges(run: PageRun, blockBytes: number): { firstPage: number; bytes: number }[] {
  const ranges = [];
  const pagesPerExtent = MAX_EXTENT_BYTES / PAGE_BYTES;
  let page = run.fromPage;
  while (page < run.toPage) {
    const next = Math.min(run.toPage, page - (page % pagesPerExtent) + pagesPerExtent);
    const bytes = Math.min(next * PAGE_BYTES, blockBytes) - page * PAGE_BYTES;
    ranges.push({ firstPage: page, bytes });
    page = next;
  }
  return ranges;
}

const cancelled = (fill: Fill) =>
  new TidecacheError('CANCELLED', `the read of ${fill.source.key} was given up: nobody waits for it`);
