/** LOOKUP: a name in a directory, from the cache while it may be believed, else from the origin. */
import { type Entry, TidecacheError } from '@tidecache/protocol';
import type { ListItem } from '@tidecache/storage';
import { STALE_VALID_MS, SYNTHETIC_VALID_MS } from '../limits.js';
import type { StoredInode } from '../store/codec.js';
import type { StoredEntry } from '../store/store.js';
import { SingleFlight } from '../util/single-flight.js';
import type { Change } from './change.js';
import { isAway, type TreeContext, verifier } from './context.js';
import { checkName } from './names.js';
import { Negatives } from './negatives.js';
import { negativeValidMs, validMs } from './policy.js';
import { recordOf } from './records.js';
import { prefixOf } from './tree.js';

export class Lookup {
  readonly #context: TreeContext;
  readonly #flights = new SingleFlight<Entry>();
  readonly #negatives: Negatives;

  constructor(context: TreeContext) {
    this.#context = context;
    this.#negatives = new Negatives(context.tree.now);
  }

  /** Answers at once where the cache can. NOT_FOUND, NOT_A_DIRECTORY, STALE, or the origin's error. */
  lookup(parent: number, name: string): Entry | Promise<Entry> {
    checkName(name);
    const { tree, datasets, metrics } = this.#context;
    const directory = tree.requireDirectory(parent);
    const known = tree.child(directory.ino, name);
    if (directory.datasetId === 0) {
      if (!known) throw this.#absent(directory, name);
      return this.#entry(name, known, SYNTHETIC_VALID_MS);
    }
    const { metadata } = datasets.require(directory.datasetId);
    if (known) {
      const valid = validMs(metadata, verifier(this.#context, directory)(known), tree.now());
      if (valid > 0) {
        metrics.metadata.inc({ from: 'cache' });
        return this.#entry(name, known, valid);
      }
    } else if (this.#isKnownAbsent(directory, name)) {
      metrics.metadata.inc({ from: 'absent' });
      throw this.#absent(directory, name);
    }
    return this.#flights.do(`${parent}/${name}`, () => this.#ask(directory, name));
  }

  #isKnownAbsent(directory: StoredInode, name: string): boolean {
    const { tree, datasets } = this.#context;
    const { metadata } = datasets.require(directory.datasetId);
    const listed = tree.store.listed(directory.ino);
    if (listed && validMs(metadata, listed.startedMs, tree.now()) > 0) return true;
    return this.#negatives.has(directory.ino, name);
  }

  async #ask(directory: StoredInode, name: string): Promise<Entry> {
    const { tree, datasets, origins, metrics } = this.#context;
    const dataset = datasets.require(directory.datasetId);
    const key = `${prefixOf(directory)}${name}`;
    const askedMs = tree.now();
    try {
      const item = await origins.ask(dataset, 'lookup', (origin, call) => origin.lookup(key, call));
      metrics.metadata.inc({ from: 'origin' });
      return this.#learn(directory, name, item, askedMs);
    } catch (thrown) {
      const error = thrown as TidecacheError;
      const known = tree.child(directory.ino, name);
      if (!known || !isAway(error)) throw error;
      metrics.metadata.inc({ from: 'stale' });
      return this.#entry(name, known, STALE_VALID_MS);
    }
  }

  #learn(directory: StoredInode, name: string, item: ListItem | undefined, askedMs: number): Entry {
    const { tree, datasets } = this.#context;
    const dataset = datasets.require(directory.datasetId);
    tree.requireDirectory(directory.ino);
    const { metadata, readOnly } = dataset;
    const valid = validMs(metadata, askedMs, tree.now());
    const newer = tree.child(directory.ino, name);
    // A listing or another look-up was asked after this one: what it said holds.
    if (newer && newer.checkedMs > askedMs) return this.#entry(name, newer, valid);
    if (!item) {
      this.#forget(directory, name, askedMs);
      this.#negatives.add(directory.ino, name, negativeValidMs(metadata));
      throw this.#absent(directory, name);
    }
    this.#negatives.delete(directory.ino, name);
    const inode = tree.change(`looking up ${name}`, (change) => {
      const facts = { checkedMs: askedMs, readOnly, touch: typeof metadata === 'object' };
      const seen = tree.observe(change, directory, item, facts);
      if (item.kind === 'file') this.#forgetEntry(change, directory, `${name}/`);
      return seen;
    });
    return { name, inode: recordOf(inode, datasets), validMs: valid };
  }

  /** Both things that the name may have stood for. */
  #forget(directory: StoredInode, name: string, askedMs: number): void {
    const { tree } = this.#context;
    const known = tree.child(directory.ino, name);
    if (!known || known.checkedMs > askedMs) return;
    tree.change(`looking up ${name}`, (change) => {
      this.#forgetEntry(change, directory, `${name}/`);
      this.#forgetEntry(change, directory, name);
    });
  }

  #forgetEntry(change: Change, directory: StoredInode, raw: string): void {
    const { tree } = this.#context;
    const entry = tree.store.entry(directory.ino, raw);
    if (entry) tree.forget(change, directory, entry);
  }

  #entry(name: string, { ino }: StoredEntry, valid: number): Entry {
    const { tree, datasets } = this.#context;
    return { name, inode: recordOf(tree.require(ino), datasets), validMs: valid };
  }

  #absent(directory: StoredInode, name: string): TidecacheError {
    const path = this.#context.tree.pathOf(directory);
    return new TidecacheError('NOT_FOUND', `no ${JSON.stringify(name)} in ${path}`);
  }
}
