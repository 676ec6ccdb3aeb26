/** READDIR: from the cache while its listing may be believed, else in the wake of a listing that runs. */
import { type Entry, type ReplyOf, TidecacheError } from '@tidecache/protocol';
import { compareKeys } from '@tidecache/storage';
import { CONTINUATION_MS, READDIR_ANSWER_BYTES, STALE_VALID_MS, SYNTHETIC_VALID_MS } from '../limits.js';
import { nameOf, type StoredInode } from '../store/codec.js';
import type { StoredEntry } from '../store/store.js';
import { isAway, type TreeContext, verifier } from './context.js';
import type { Listing } from './listing.js';
import { validMs } from './policy.js';
import { entryBytes, recordOf } from './records.js';

type ReaddirReply = ReplyOf<'READDIR'>;

export interface ReaddirQuestion {
  readonly ino: number;
  /** The raw name of the last entry that the reader has; '' at the start. */
  readonly after: string;
  readonly limit: number;
  /** Nobody waits for the answer any more. */
  readonly isAbandoned: () => boolean;
}

export class Readdir {
  readonly #context: TreeContext;

  constructor(context: TreeContext) {
    this.#context = context;
  }

  async readdir(question: ReaddirQuestion): Promise<ReaddirReply> {
    const { tree, metrics } = this.#context;
    const directory = tree.requireDirectory(question.ino);
    const listing = this.#listingFor(directory, question.after);
    if (!listing) {
      metrics.metadata.inc({ from: 'cache' });
      return this.#page(directory, question, undefined);
    }
    for (;;) {
      if (listing.state === 'done') return this.#page(directory, question, undefined);
      if (listing.state === 'failed') return this.#afterFailure(directory, question, listing);
      if (compareKeys(listing.frontier, question.after) > 0) {
        const page = this.#page(directory, question, listing);
        if (page.entries.length > 0) return page;
      }
      await listing.progress();
      if (question.isAbandoned()) throw new TidecacheError('CANCELLED', 'nobody waits for this listing');
    }
  }

  /** The listing to follow; undefined when the cache may answer. */
  #listingFor(directory: StoredInode, after: string): Listing | undefined {
    const { tree, datasets, listings } = this.#context;
    if (directory.datasetId === 0) return undefined;
    const dataset = datasets.require(directory.datasetId);
    const listed = tree.store.listed(directory.ino);
    const now = tree.now();
    if (listed && validMs(dataset.metadata, listed.startedMs, now) > 0) return undefined;
    const active = listings.active(directory.ino);
    if (active) return active;
    // A reader half-way through sees the listing that it began with to its end.
    if (after !== '' && listed && Math.abs(now - listed.endedMs) < CONTINUATION_MS) return undefined;
    return listings.start(directory, dataset);
  }

  /** The origin is away: what an earlier listing found is served, if there was one. */
  #afterFailure(directory: StoredInode, question: ReaddirQuestion, { error }: Listing): ReaddirReply {
    const { tree, metrics } = this.#context;
    const failure = error ?? new TidecacheError('INTERNAL', 'a listing failed without saying why');
    if (!isAway(failure) || !tree.store.listed(directory.ino)) throw failure;
    metrics.metadata.inc({ from: 'stale' });
    return { ...this.#page(directory, question, undefined, () => STALE_VALID_MS), validMs: 0 };
  }

  /** Entries after the reader's last, as far as `running` has come where a listing is still under way. */
  #page(
    directory: StoredInode,
    question: ReaddirQuestion,
    running: Listing | undefined,
    validity: (stored: StoredEntry) => number = this.#validity(directory),
  ): ReaddirReply {
    const { tree } = this.#context;
    const { after, limit } = question;
    const validMs = this.#listingValidMs(directory, running);
    const found = tree.store.entries(directory.ino, after, running?.frontier, limit);
    const entries: Entry[] = [];
    let bytes = 0;
    let last = after;
    for (const stored of found) {
      const entry = this.#entry(directory, stored, validity(stored));
      if (entry) {
        bytes += entryBytes(entry);
        if (bytes > READDIR_ANSWER_BYTES && entries.length > 0) return { entries, next: last, validMs };
        entries.push(entry);
      }
      last = stored.raw;
    }
    // Every one of them hidden: an empty answer would read as the end.
    if (entries.length === 0 && found.length === limit) {
      return this.#page(directory, { ...question, after: last }, running, validity);
    }
    const more = running !== undefined || found.length === limit;
    return { entries, ...(more && { next: last }), validMs };
  }

  /** An entry may have been vouched for later than the listing: that no name is missing was not seen then. */
  #listingValidMs(directory: StoredInode, running: Listing | undefined): number {
    const { tree, datasets } = this.#context;
    if (directory.datasetId === 0) return SYNTHETIC_VALID_MS;
    const startedMs = running?.startedMs ?? tree.store.listed(directory.ino)?.startedMs ?? 0;
    return validMs(datasets.require(directory.datasetId).metadata, startedMs, tree.now());
  }

  /**
   * The entry as readers see it. A name may stand for a file and a directory in an object store: it is shown once, at
   * the file's place (which comes first), as the directory that a look-up finds.
   */
  #entry(directory: StoredInode, stored: StoredEntry, valid: number): Entry | undefined {
    const { tree } = this.#context;
    const { raw } = stored;
    const name = nameOf(raw);
    if (raw.endsWith('/')) {
      if (tree.store.hasEntry(directory.ino, name)) return undefined;
    } else if (tree.store.hasEntry(directory.ino, `${raw}/`)) {
      const winner = tree.store.entry(directory.ino, `${raw}/`);
      if (winner) return this.#answer(winner, name, valid);
    }
    return this.#answer(stored, name, valid);
  }

  #answer({ ino }: StoredEntry, name: string, valid: number): Entry | undefined {
    const { tree, datasets } = this.#context;
    const inode = tree.store.inode(ino);
    return inode && { name, inode: recordOf(inode, datasets), validMs: valid };
  }

  /** How long an entry of the directory may be believed; the directory is looked at once for a page. */
  #validity(directory: StoredInode): (stored: StoredEntry) => number {
    const { tree, datasets } = this.#context;
    if (directory.datasetId === 0) return () => SYNTHETIC_VALID_MS;
    const { metadata } = datasets.require(directory.datasetId);
    const verifiedMs = verifier(this.#context, directory);
    const now = tree.now();
    return (stored) => validMs(metadata, verifiedMs(stored), now);
  }
}
