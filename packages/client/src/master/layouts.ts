/**
 * What is known of names and inodes, and for how long it may be believed. A file's record never changes, so what can
 * be wrong is only whether a name still means it, and whether it is still the object's version.
 */
import {
  asTidecacheError,
  type Entry,
  type InodeId,
  type InodeRecord,
  type Invalidation,
  inodeId,
  MAX_READDIR_ENTRIES,
  type MetadataPolicy,
} from '@tidecache/protocol';
import type { DirectoryPage, MaybePromise } from '../api.js';
import type { Clock } from '../clock.js';
import { MAX_ENTRIES, MAX_RECORDS, UNCONFIRMED_MS } from '../limits.js';
import { Lru } from './lru.js';
import type { MasterLink } from './master-link.js';

export interface LayoutsInit {
  readonly master: Pick<MasterLink, 'call'>;
  readonly clock: Clock;
  /** Undefined: the dataset is not known, and nothing about it is believed unasked. */
  readonly policyOf: (datasetId: number) => MetadataPolicy | undefined;
}

interface Known {
  readonly record: InodeRecord;
  /** When the master's word ends. */
  readonly validUntil: number;
  /** The master was not away since it was told, so a change would have been pushed. */
  readonly attachment: number;
  /** The directory in which it was found last; undefined when it was never found by a name. */
  readonly parent: InodeId | undefined;
}

interface KnownName {
  readonly ino: InodeId;
  readonly validUntil: number;
  readonly attachment: number;
}

export class Layouts {
  readonly #init: LayoutsInit;
  readonly #records = new Lru<InodeId, Known>(MAX_RECORDS);
  readonly #names = new Lru<string, KnownName>(MAX_ENTRIES);
  #attachment = 0;
  /** Counts invalidations: an answer that was on its way during one may be from before it. */
  #changes = 0;

  constructor(init: LayoutsInit) {
    this.#init = init;
  }

  lookup(parent: InodeId, name: string): MaybePromise<Entry> {
    const key = nameKey(parent, name);
    const known = this.#names.get(key);
    const record = known && this.#records.get(known.ino)?.record;
    if (known && record) {
      const validMs = known.validUntil - this.#init.clock.now();
      if (validMs > 0 && known.attachment === this.#attachment) return { name, inode: record, validMs };
    }
    return this.#askLookup(parent, name, record);
  }

  getattr(ino: InodeId): MaybePromise<InodeRecord> {
    const known = this.#records.get(ino);
    if (known && (known.record.kind === 'file' || this.#isValid(known))) return known.record;
    return this.#askGetattr(ino, known?.record);
  }

  /** The directory that a file's siblings may be fetched from; undefined when a listing of it would not be believed. */
  siblingsIn(record: InodeRecord): InodeId | undefined {
    return this.#policyOf(record) === 'always' ? undefined : this.#records.get(inodeId(record.ino))?.parent;
  }

  /** The record of a file that is about to be opened, confirmed as the dataset's policy wants it. */
  open(ino: InodeId): MaybePromise<InodeRecord> {
    const known = this.#records.get(ino);
    if (!known) return this.#askOpen(ino, undefined);
    if (known.record.kind === 'directory') return known.record;
    const policy = this.#policyOf(known.record);
    const unasked =
      policy === 'once' ? known.attachment === this.#attachment : policy !== 'always' && this.#isValid(known);
    return unasked ? known.record : this.#askOpen(ino, known.record);
  }

  async readdir(ino: InodeId, after: string, limit: number): Promise<DirectoryPage> {
    const changes = this.#changes;
    const reply = await this.#init.master.call('READDIR', {
      ino,
      after,
      limit: Math.max(1, Math.min(limit, MAX_READDIR_ENTRIES)),
    });
    for (const entry of reply.entries) this.#learn(ino, entry, changes);
    const { entries, next } = reply;
    const validMs = changes === this.#changes ? reply.validMs : 0;
    return next === undefined ? { entries, validMs } : { entries, next, validMs };
  }

  forget(change: Invalidation): void {
    this.#changes++;
    for (const { parent, name } of change.entries) this.#names.delete(nameKey(inodeId(parent), name));
    for (const ino of change.inodes) this.#records.delete(inodeId(ino));
  }

  /** The master was away: what is known still serves while it can't be asked, but is asked for again. */
  distrustAll(): void {
    this.#changes++;
    this.#attachment++;
  }

  /** Another cluster: its ids mean something else. */
  clear(): void {
    this.distrustAll();
    this.#records.clear();
    this.#names.clear();
  }

  #isValid(known: Known): boolean {
    return known.attachment === this.#attachment && known.validUntil > this.#init.clock.now();
  }

  #policyOf(record: InodeRecord): MetadataPolicy {
    return (record.datasetId !== undefined && this.#init.policyOf(record.datasetId)) || 'always';
  }

  async #askLookup(parent: InodeId, name: string, record: InodeRecord | undefined): Promise<Entry> {
    const changes = this.#changes;
    try {
      const entry = await this.#init.master.call('LOOKUP', { parent, name }, record !== undefined);
      this.#learn(parent, entry, changes);
      return entry;
    } catch (thrown) {
      if (record && isAway(thrown)) return { name, inode: record, validMs: UNCONFIRMED_MS };
      this.#names.delete(nameKey(parent, name));
      throw thrown;
    }
  }

  async #askGetattr(ino: InodeId, record: InodeRecord | undefined): Promise<InodeRecord> {
    const changes = this.#changes;
    try {
      const { inode } = await this.#init.master.call('GETATTR', { ino }, record !== undefined);
      this.#learnRecord(inode, this.#confirmedMs(inode), changes);
      return inode;
    } catch (thrown) {
      if (record && isAway(thrown)) return record;
      this.#records.delete(ino);
      throw thrown;
    }
  }

  async #askOpen(ino: InodeId, record: InodeRecord | undefined): Promise<InodeRecord> {
    const changes = this.#changes;
    try {
      const { inode } = await this.#init.master.call('OPEN', { ino }, record !== undefined);
      this.#learnRecord(inode, this.#confirmedMs(inode), changes);
      return inode;
    } catch (thrown) {
      if (record && isAway(thrown)) return record;
      this.#records.delete(ino);
      throw thrown;
    }
  }

  /** For how long an inode that the master has just vouched for need not be asked for again. */
  #confirmedMs(record: InodeRecord): number {
    const policy = this.#policyOf(record);
    // A directory's times change with its files; nothing tells how long they hold.
    if (record.kind === 'directory' || policy === 'always') return 0;
    return policy === 'once' ? Number.POSITIVE_INFINITY : policy.ttlMs;
  }

  #learn(parent: InodeId, entry: Entry, changes: number): void {
    const ino = inodeId(entry.inode.ino);
    const validUntil = this.#validUntil(entry.validMs, changes);
    this.#names.set(nameKey(parent, entry.name), { ino, validUntil, attachment: this.#attachment });
    this.#learnRecord(entry.inode, entry.validMs, changes, parent);
  }

  #learnRecord(record: InodeRecord, validMs: number, changes: number, parent?: InodeId): void {
    const ino = inodeId(record.ino);
    this.#records.set(ino, {
      parent: parent ?? this.#records.get(ino)?.parent,
      record,
      validUntil: this.#validUntil(validMs, changes),
      attachment: changes === this.#changes ? this.#attachment : -1,
    });
  }

  #validUntil(validMs: number, changes: number): number {
    // An invalidation came while the answer was on its way: it serves as a fallback, no more.
    return changes === this.#changes ? this.#init.clock.now() + validMs : 0;
  }
}

const nameKey = (parent: InodeId, name: string): string => `${parent}/${name}`;

/** The master can't be asked; whatever else it answers counts. */
function isAway(thrown: unknown): boolean {
  const { code } = asTidecacheError(thrown);
  return code === 'UNREACHABLE' || code === 'TIMEOUT';
}
