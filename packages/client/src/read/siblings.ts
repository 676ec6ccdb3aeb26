/**
 * Small files that are read one after another: the others of their directory are fetched before they are asked for,
 * many requests in one write. How many will follow nobody says, so as many again are expected as were read already
 * (what has lasted will last as long once more), in whatever order: what is fetched in a directory that is read
 * through is read sooner or later.
 */
import type { InodeId, InodeRecord } from '@tidecache/protocol';
import type { DirectoryPage } from '../api.js';
import type { Clock } from '../clock.js';
import {
  MAX_SIBLING_BATCH,
  MAX_SIBLING_DIRECTORIES,
  MAX_SIBLINGS_AHEAD,
  MAX_SIBLINGS_SEEN,
  MIN_SIBLING_READS,
  SIBLING_PAUSE_MS,
  SIBLINGS_SHARE,
  SMALL_FILE_BYTES,
} from '../limits.js';
import { blockBytesFor } from '../memory/arena.js';

export interface SiblingsInit {
  /** A page of the directory's listing, after a name. */
  readonly list: (directory: InodeId, after: string) => Promise<DirectoryPage>;
  /** Begins to fetch a small file; false when there is no room for what nobody waits for. */
  readonly fetch: (record: InodeRecord) => boolean;
  readonly clock: Clock;
  /** Read-ahead memory, in bytes. */
  readonly bufferBytes: number;
}

/** A directory whose files are being read. */
interface Run {
  reads: number;
  lastReadMs: number;
  /** Files that need not be fetched: they were read in this run. */
  readonly seen: Set<number>;
  /** Files that were fetched and not read yet, and the memory that each takes. */
  readonly ahead: Map<number, number>;
  /** Where in its listing the run is. */
  page: readonly InodeRecord[];
  at: number;
  /** The name to list on from; undefined: the listing is at its end. */
  next: string | undefined;
  /** The listing was begun at the first file's name, and goes on from its start. */
  wrapped: boolean;
  listing: boolean;
}

export class Siblings {
  readonly #init: SiblingsInit;
  /** Longest unread first. */
  readonly #runs = new Map<InodeId, Run>();
  #aheadBytes = 0;

  constructor(init: SiblingsInit) {
    this.#init = init;
  }

  /** A small file of `directory` is being read from its start. */
  read(directory: InodeId, record: InodeRecord): void {
    const run = this.#runOf(directory);
    this.#arrivedAt(run, record.ino);
    if (run.reads === MIN_SIBLING_READS) run.next = nameIn(record);
    if (run.reads >= MIN_SIBLING_READS) this.#fetchAhead(directory, run);
  }

  #runOf(directory: InodeId): Run {
    const now = this.#init.clock.now();
    let run = this.#runs.get(directory);
    this.#runs.delete(directory);
    if (run && (now - run.lastReadMs > SIBLING_PAUSE_MS || run.seen.size >= MAX_SIBLINGS_SEEN)) {
      this.#forget(run);
      run = undefined;
    }
    run ??= newRun();
    run.lastReadMs = now;
    this.#runs.set(directory, run);
    for (const [oldest, other] of this.#runs) {
      if (this.#runs.size <= MAX_SIBLING_DIRECTORIES) break;
      this.#runs.delete(oldest);
      this.#forget(other);
    }
    return run;
  }

  #arrivedAt(run: Run, ino: number): void {
    run.reads++;
    run.seen.add(ino);
    this.#aheadBytes -= run.ahead.get(ino) ?? 0;
    run.ahead.delete(ino);
  }

  #forget(run: Run): void {
    for (const bytes of run.ahead.values()) this.#aheadBytes -= bytes;
  }

  #fetchAhead(directory: InodeId, run: Run): void {
    const wanted = Math.min(run.reads, MAX_SIBLINGS_AHEAD);
    // In batches: one write to a worker carries many requests.
    if (run.ahead.size > wanted / 2) return;
    for (let batch = Math.min(wanted - run.ahead.size, MAX_SIBLING_BATCH); batch > 0; ) {
      const record = run.page[run.at];
      if (!record) {
        this.#list(directory, run);
        return;
      }
      if (!run.seen.has(record.ino) && !run.ahead.has(record.ino)) {
        if (!this.#fetch(run, record)) return;
        batch--;
      }
      run.at++;
    }
  }

  #fetch(run: Run, record: InodeRecord): boolean {
    const bytes = blockBytesFor(record.size);
    if (this.#aheadBytes + bytes > this.#init.bufferBytes * SIBLINGS_SHARE) return false;
    if (!this.#init.fetch(record)) return false;
    run.ahead.set(record.ino, bytes);
    this.#aheadBytes += bytes;
    return true;
  }

  #list(directory: InodeId, run: Run): void {
    if (run.listing || run.next === undefined) return;
    run.listing = true;
    this.#init.list(directory, run.next).then(
      ({ entries, next }) => {
        run.listing = false;
        run.page = entries.map(({ inode }) => inode).filter(isSmallFile);
        run.at = 0;
        run.next = next ?? (run.wrapped ? undefined : '');
        run.wrapped ||= next === undefined;
        if (this.#runs.get(directory) === run) this.#fetchAhead(directory, run);
      },
      // Whoever needs the listing is told why there is none; `listing` stays, and this run goes without.
      () => {},
    );
  }
}

const newRun = (): Run => ({
  reads: 0,
  lastReadMs: 0,
  seen: new Set(),
  ahead: new Map(),
  page: [],
  at: 0,
  next: undefined,
  wrapped: false,
  listing: false,
});

const isSmallFile = ({ kind, size }: InodeRecord): boolean =>
  kind === 'file' && size > 0 && size <= SMALL_FILE_BYTES;

const nameIn = ({ key = '' }: InodeRecord): string => key.slice(key.lastIndexOf('/') + 1);
