/**
 * Small files that are read one after another: the others of their directory are fetched before they are asked for.
 * How many will follow nobody says, so as many again are expected as were read already (what has lasted will last as
 * long once more), in whatever order: what is fetched in a directory that is read through is read sooner or later.
 *
 * From workers on this host they are borrowed instead. That moves no bytes, so many times as many are.
 */
import type { FileId, InodeId, InodeRecord, NotLent, WorkerId } from '@tidecache/protocol';
import type { DirectoryPage, Slices } from '../api.js';
import type { Clock } from '../clock.js';
import {
  LENT_PER_READ,
  MAX_LENT_BATCH,
  MAX_LENT_FILES,
  MAX_SIBLING_BATCH,
  MAX_SIBLINGS_AHEAD,
  MIN_LENT_FILES,
  MIN_SIBLING_READS,
  SIBLINGS_SHARE,
} from '../limits.js';
import { blockBytesFor } from '../memory/arena.js';
import { Loan } from '../workers/loan.js';
import type { WantedFile } from '../workers/mapping.js';
import { LentFiles } from './lent-files.js';
import { Listings } from './listings.js';
import type { SiblingRun } from './sibling-run.js';
import { SiblingRuns } from './sibling-runs.js';
import { type SmallFile, SmallFiles } from './small-files.js';

/** A worker whose memory is mapped here. */
export interface Lender {
  readonly id: WorkerId;
  /** Whole files. */
  borrow(files: readonly WantedFile[]): Promise<(Loan | NotLent)[]>;
}

export interface SiblingsInit {
  /** A page of the directory's listing, after a name. */
  readonly list: (directory: InodeId, after: string) => Promise<DirectoryPage>;
  /** Begins to fetch a small file; false when there is no room for what nobody waits for. */
  readonly fetch: (record: InodeRecord) => boolean;
  /** Who would lend a small file; undefined when it has to be fetched. */
  readonly lenderOf: (fileId: FileId) => Lender | undefined;
  /** Bytes of a worker's memory are about to be looked at. */
  readonly onLent: (worker: WorkerId, bytes: number) => void;
  readonly clock: Clock;
  /** Read-ahead memory, in bytes. */
  readonly bufferBytes: number;
}

export class Siblings {
  readonly #init: SiblingsInit;
  readonly #runs: SiblingRuns;
  readonly #lent = new LentFiles<SiblingRun>();
  readonly #listings: Listings;
  /** Memory that fetched files take. */
  #fetchedBytes = 0;

  constructor(init: SiblingsInit) {
    this.#init = init;
    this.#listings = new Listings(init.clock);
    this.#runs = new SiblingRuns(init.clock, (run) => this.#giveBack(run));
  }

  /** A small file of `directory` is being read from its start. */
  read(directory: InodeId, record: InodeRecord): void {
    const run = this.#runs.of(directory);
    this.#arrivedAt(run, record.ino);
    if (run.reads < MIN_SIBLING_READS) return;
    run.files ??=
      this.#listings.take(directory)?.after(record.ino) ??
      SmallFiles.after(nameIn(record), this.#init.clock.now());
    this.#plan(run);
  }

  /** Bytes of a file that was borrowed; undefined when it was not, or can't be looked at any more. */
  take(ino: InodeId, offset: number, length: number): Slices | undefined {
    const run = this.#lent.borrowerOf(ino);
    const lent = run && this.#lent.read(ino, offset, length);
    if (!lent) return undefined;
    const { slices, lender } = lent;
    this.#init.onLent(lender, slices.bytes);
    if (offset === 0) {
      run.lastReadMs = this.#init.clock.now();
      this.#arrivedAt(run, ino);
      this.#plan(run);
    }
    return slices;
  }

  /** Names in it changed: what is known of its listing is out of date. */
  changed(directory: InodeId): void {
    this.#listings.take(directory);
  }

  /** All is given back. */
  clear(): void {
    this.#runs.endAll();
    this.#listings.clear();
  }

  #giveBack(run: SiblingRun): void {
    this.#lent.endAll(run);
    for (const bytes of run.fetched.values()) this.#fetchedBytes -= bytes;
    if (run.files) this.#listings.keep(run.directory, run.files);
  }

  #arrivedAt(run: SiblingRun, ino: number): void {
    run.reads++;
    if (run.seen.has(ino)) run.again++;
    run.seen.add(ino);
    this.#fetchedBytes -= run.fetched.get(ino) ?? 0;
    run.fetched.delete(ino);
  }

  /** Looks ahead once the read under way is answered, when that would fetch a batch. */
  #plan(run: SiblingRun): void {
    if (run.planned || run.listing || !isDue(run)) return;
    run.planned = true;
    queueMicrotask(() => {
      run.planned = false;
      if (!run.ended) this.#fetchAhead(run);
    });
  }

  #fetchAhead(run: SiblingRun): void {
    if (!run.files || !isDue(run)) return;
    let lendable = Math.min(lentWindow(run) - run.lent, MAX_LENT_BATCH, MAX_LENT_FILES - this.#lent.count);
    let fetchable = Math.min(fetchedWindow(run) - run.fetched.size, MAX_SIBLING_BATCH);
    const wanted = new Map<Lender, SmallFile[]>();
    for (let file = run.files.current; file; file = run.files.current) {
      if (run.misses(file.ino) && !this.#lent.has(file.ino)) {
        const lender = run.refused.has(file.ino) ? undefined : this.#init.lenderOf(file.fileId);
        if (lender ? lendable-- <= 0 : fetchable-- <= 0 || !this.#fetch(run, file)) break;
        if (lender) push(wanted, lender, file);
      }
      run.files.step();
    }
    for (const [lender, files] of wanted) this.#borrow(run, lender, files);
    if (!run.files.current) this.#list(run, run.files);
  }

  #borrow(run: SiblingRun, lender: Lender, files: readonly SmallFile[]): void {
    run.lent += files.length;
    lender.borrow(files).then(
      (loans) => this.#borrowed(run, lender, files, loans),
      () => this.#borrowed(run, lender, files, []),
    );
  }

  /** What there is no loan for is fetched, or is asked for again once some of the others were given back. */
  #borrowed(
    run: SiblingRun,
    lender: Lender,
    files: readonly SmallFile[],
    loans: readonly (Loan | NotLent)[],
  ): void {
    const missed: SmallFile[] = [];
    let later = 0;
    for (const [i, file] of files.entries()) {
      const loan = loans[i];
      if (loan instanceof Loan && !run.ended && run.misses(file.ino) && !this.#lent.has(file.ino)) {
        this.#lent.add(run, file, lender.id, loan);
        continue;
      }
      run.lent--;
      if (loan instanceof Loan) loan.release();
      else {
        missed.push(file);
        if (loan === 'later') later++;
        else run.refused.add(file.ino);
      }
    }
    if (run.ended || missed.length === 0) return;
    if (later > 0 && run.lent >= MIN_LENT_FILES) run.mostLent = run.lent;
    else for (const { ino } of missed) run.refused.add(ino);
    run.files?.backTo(missed[0]!);
    this.#plan(run);
  }

  #fetch(run: SiblingRun, file: SmallFile): boolean {
    const bytes = blockBytesFor(file.size);
    if (this.#fetchedBytes + bytes > this.#init.bufferBytes * SIBLINGS_SHARE) return false;
    if (!this.#init.fetch(file.record)) return false;
    run.fetched.set(file.ino, bytes);
    this.#fetchedBytes += bytes;
    return true;
  }

  #list(run: SiblingRun, files: SmallFiles): void {
    if (run.listing || files.next === undefined) return;
    run.listing = true;
    this.#init.list(run.directory, files.next).then(
      (page) => {
        run.listing = false;
        files.add(page);
        if (!run.ended) this.#fetchAhead(run);
      },
      // Whoever needs the listing is told why there is none; `listing` stays, and this run goes without.
      () => {},
    );
  }
}

/** In batches: one message carries many requests. */
const isDue = (run: SiblingRun): boolean =>
  run.files?.isDone === false &&
  run.lent <= lentWindow(run) / 2 &&
  run.fetched.size <= fetchedWindow(run) / 2;

const lentWindow = ({ reads, mostLent }: SiblingRun): number => Math.min(reads * LENT_PER_READ, mostLent);
const fetchedWindow = ({ reads }: SiblingRun): number => Math.min(reads, MAX_SIBLINGS_AHEAD);

function push<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

const nameIn = ({ key = '' }: InodeRecord): string => key.slice(key.lastIndexOf('/') + 1);
