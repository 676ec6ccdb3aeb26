/** Listings under way: one for each directory, however many readers follow it. */
import { asTidecacheError, type Dataset, TidecacheError } from '@tidecache/protocol';
import { compareKeys, type ListItem, type SkipReason } from '@tidecache/storage';
import { LISTING_PAGE_ENTRIES, MAX_SKIP_LOGS } from '../limits.js';
import type { Metrics } from '../metrics.js';
import type { StoredInode } from '../store/codec.js';
import type { Logger } from '../util/logger.js';
import { Listing } from './listing.js';
import { mergePage } from './merge.js';
import type { Origins } from './origins.js';
import { prefixOf, rawOf, type Tree } from './tree.js';

export class Listings {
  readonly #tree: Tree;
  readonly #origins: Origins;
  readonly #metrics: Metrics;
  readonly #logger: Logger;
  readonly #active = new Map<number, Listing>();
  readonly #logged = new Set<string>();

  constructor(tree: Tree, origins: Origins, metrics: Metrics, logger: Logger) {
    this.#tree = tree;
    this.#origins = origins;
    this.#metrics = metrics;
    this.#logger = logger;
  }

  get size(): number {
    return this.#active.size;
  }

  active(ino: number): Listing | undefined {
    return this.#active.get(ino);
  }

  /** The listing of the directory that is under way, or a new one. It runs to its end whoever follows it. */
  start(directory: StoredInode, dataset: Dataset): Listing {
    const active = this.#active.get(directory.ino);
    if (active) return active;
    const listing = new Listing(this.#tree.now());
    this.#active.set(directory.ino, listing);
    void this.#run(listing, directory, dataset);
    return listing;
  }

  async #run(listing: Listing, directory: StoredInode, dataset: Dataset): Promise<void> {
    try {
      await this.#pages(listing, directory, dataset);
      this.#active.delete(directory.ino);
      listing.finish();
    } catch (thrown) {
      this.#active.delete(directory.ino);
      listing.fail(asTidecacheError(thrown, 'INTERNAL', `listing ${dataset.path}`));
    }
  }

  async #pages(listing: Listing, directory: StoredInode, dataset: Dataset): Promise<void> {
    const prefix = prefixOf(directory);
    let after: string | undefined;
    do {
      const askedMs = this.#tree.now();
      const page = await this.#origins.ask(dataset, 'list', (origin, call) =>
        origin.list(prefix, { ...call, limit: LISTING_PAGE_ENTRIES, ...(after !== undefined && { after }) }),
      );
      this.#requireStill(directory);
      checkOrder(page.items, listing.frontier, dataset.uri);
      if (page.next !== undefined && page.next === after) throw notMoving(dataset.uri);
      this.#count(page, directory, dataset);
      const last = page.items.at(-1);
      if (page.next === undefined || last) {
        const upTo = page.next === undefined || !last ? undefined : rawOf(last);
        const range = { items: page.items, after: listing.frontier, upTo, askedMs };
        await mergePage(this.#tree, directory, range, dataset.readOnly);
        if (upTo !== undefined) listing.advance(upTo);
      }
      after = page.next;
    } while (after !== undefined);
    this.#requireStill(directory);
    this.#tree.store.write(`listing ${dataset.path}`, () =>
      this.#tree.store.putListed(directory.ino, { startedMs: listing.startedMs, endedMs: this.#tree.now() }),
    );
  }

  /** The directory may have been removed while the origin was asked; nothing may be written below it then. */
  #requireStill(directory: StoredInode): void {
    const now = this.#tree.store.inode(directory.ino);
    if (now && this.#tree.store.isCurrent(now)) return;
    throw new TidecacheError('STALE', `${directory.key} was removed while it was listed`);
  }

  #count(
    {
      items,
      skipped,
    }: { items: readonly ListItem[]; skipped: Readonly<Partial<Record<SkipReason, number>>> },
    directory: StoredInode,
    dataset: Dataset,
  ): void {
    this.#metrics.listed.inc(items.length);
    for (const [reason, keys] of Object.entries(skipped)) {
      if (keys === 0) continue;
      this.#metrics.skipped.inc({ reason }, keys);
      const once = `${directory.ino}/${reason}`;
      if (this.#logged.has(once) || this.#logged.size >= MAX_SKIP_LOGS) continue;
      this.#logged.add(once);
      this.#logger.warn(
        { dataset: dataset.path, directory: this.#tree.pathOf(directory), reason, keys },
        'the origin has keys here that can not be paths: they are left out',
      );
    }
  }
}

/** The merge trusts the order: an origin that breaks it would make names vanish. */
function checkOrder(items: readonly ListItem[], frontier: string, uri: string): void {
  let before = frontier;
  for (const item of items) {
    const raw = rawOf(item);
    if (before !== '' && compareKeys(raw, before) <= 0) {
      throw new TidecacheError('CORRUPT', `${uri} lists ${JSON.stringify(item.key)} out of order`);
    }
    before = raw;
  }
}

const notMoving = (uri: string) =>
  new TidecacheError('CORRUPT', `${uri} goes on with its listing at the same place for ever`);
