/**
 * A block: up to 256 pages of one file version. Its pages are held by extents, contiguous pieces of memory that were
 * each asked of the origin in one read, and become present from their start on, as bytes arrive.
 */
import { type FileId, PAGE_BYTES, type TidecacheError } from '@tidecache/protocol';
import { Entry } from './eviction/entry.js';
import type { Piece } from './memory/checksums.js';

export interface Extent extends Piece {
  readonly firstPage: number;
  /** From the start; shrinks when the fill fails. */
  bytes: number;
  /** Checked in: their checksums are recorded. Whole sectors, or all bytes. */
  arrivedBytes: number;
}

/** Somebody who waits for bytes of a block. */
export interface Waiter {
  /** The bytes it still needs. */
  readonly at: number;
  readonly to: number;
  readonly readAhead: boolean;
  /** More bytes are present. */
  advance(): void;
  /** What it waits for does not come. */
  fail(error: TidecacheError): void;
}

export class Block extends Entry {
  /** Bytes of the whole block; the last one of a file is shorter. */
  readonly bytes: number;
  /** The presence map: by page, the extent that holds or awaits it. */
  readonly extents: (Extent | undefined)[];
  /** Replies whose bytes are handed to the transport and not sent yet. Each is one of the pins. */
  sending = 0;
  /** No longer in the store: its memory goes back when its last pin does. */
  gone = false;
  /** Readers that began it since then, and the last of them: see spread/heat.ts. All times in milliseconds. */
  readers = 0;
  readersSince = 0;
  lastReader: string | undefined;
  /** Until then its readers are told that many read its file in step. */
  hotUntil = 0;
  /** Until then what comes after it in a hot file counts as asked for. */
  copiedAheadUntil = 0;
  /** Made at the first wait, dropped after the last: most blocks never have one. */
  waiters: Set<Waiter> | undefined;

  constructor(key: string, bytes: number) {
    super(key);
    this.bytes = bytes;
    this.extents = new Array<Extent | undefined>(pagesIn(bytes)).fill(undefined);
  }

  /** Where the present bytes that start at `from` end, `to` at most. */
  presentEnd(from: number, to: number): number {
    let at = from;
    while (at < to) {
      const extent = this.extents[pageAt(at)];
      if (!extent) break;
      const end = extent.firstPage * PAGE_BYTES + extent.arrivedBytes;
      if (end <= at) break;
      at = end;
      if (extent.arrivedBytes < extent.bytes) break;
    }
    return Math.min(at, to);
  }

  /** Runs of pages between two pages (the last one excluded) that nobody holds or awaits, in order. */
  absentRuns(fromPage: number, toPage: number): PageRun[] {
    const runs: PageRun[] = [];
    for (let page = fromPage; page < toPage; page++) {
      if (this.extents[page]) continue;
      const last = runs.at(-1);
      if (last && last.toPage === page) last.toPage++;
      else runs.push({ fromPage: page, toPage: page + 1 });
    }
    return runs;
  }

  attach(extent: Extent): void {
    this.extents.fill(extent, extent.firstPage, extent.firstPage + pagesIn(extent.bytes));
  }

  /** Each extent once, in order. */
  *eachExtent(): Generator<Extent> {
    let page = 0;
    while (page < this.extents.length) {
      const extent = this.extents[page];
      if (extent) yield extent;
      page = extent ? extent.firstPage + pagesIn(extent.bytes) : page + 1;
    }
  }
}

export interface PageRun {
  fromPage: number;
  /** The page after the last. */
  toPage: number;
}

export const pageAt = (offset: number): number => Math.floor(offset / PAGE_BYTES);
export const pagesIn = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES);

const keyBytes = Buffer.alloc(20);

/**
 * A block's key: the file version's id and the index, 20 latin1 characters, as `blockName` of a READ. Flat: a joined
 * string takes twice the memory.
 */
export function blockKey(fileId: FileId, index: number): string {
  keyBytes.write(fileId, 0, 16, 'latin1');
  keyBytes.writeUInt32LE(index, 16);
  return keyBytes.toString('latin1');
}

/** Bytes of block `index` of a file; 0 or less past its end. */
export function blockLength(fileBytes: number, blockBytes: number, index: number): number {
  return Math.min(blockBytes, fileBytes - index * blockBytes);
}
