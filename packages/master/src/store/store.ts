/**
 * The master's state, in LMDB. Reads are synchronous: they are look-ups in mapped memory. A write is a synchronous
 * transaction: all of it or, when it throws or the disk is full, nothing. It is in the file at once (a crash of the
 * process loses nothing), and flushed to the disk soon after; what must survive a power failure too says `durable`.
 */
import { randomUUID } from 'node:crypto';
import { type InodeId, inodeId, TidecacheError } from '@tidecache/protocol';
import type { Database } from 'lmdb';
import { FLUSH_MS, ID_RESERVATION, MAX_IDS_PER_WRITE } from '../limits.js';
import type { Timers } from '../util/timers.js';
import {
  entryKey,
  type InodeTuple,
  idFromKey,
  idKey,
  inodeFromTuple,
  inodeToTuple,
  rawFromEntryKey,
  rawNameOf,
  retiredKey,
  SCHEMA_VERSION,
  type StoredInode,
} from './codec.js';
import { type Environment, openEnvironment } from './environment.js';
import { type Lock, takeLock } from './lock.js';
import { writeError } from './write-error.js';

export interface StoredEntry {
  readonly raw: string;
  readonly ino: InodeId;
  /** When the origin last said so, by itself; a complete listing may have said so later. */
  readonly checkedMs: number;
}

/** When a complete listing began and ended. */
export interface Listed {
  readonly startedMs: number;
  readonly endedMs: number;
}

// lmdb's TransactionFlags, which it exports as a type alone.
const ABORTABLE = 1;
const SYNCHRONOUS_COMMIT = 2;
const NO_SYNC_FLUSH = 0x10000;
const DURABLE = ABORTABLE | SYNCHRONOUS_COMMIT;
const SOON_FLUSHED = DURABLE | NO_SYNC_FLUSH;

type Table<V> = Database<V, Buffer>;

export class Store {
  readonly #env: Environment;
  readonly #lock: Lock;
  readonly #dataDir: string;
  readonly #timers: Timers;
  readonly #inodes: Table<InodeTuple>;
  readonly #entries: Table<[number, number]>;
  readonly #listings: Table<[number, number]>;
  readonly #retired: Table<null>;
  readonly #removed: Table<null>;
  readonly #datasets: Table<unknown>;
  readonly #members: Database<unknown, string>;
  readonly #meta: Database<unknown, string>;
  #nextIno = 0;
  #reservedIno = 0;
  #cancelFlush: (() => void) | undefined;
  #closed = false;
  readonly clusterId: string;

  /** Opens the state in `dataDir`, made when it is not there. Errors name the path, why, and the fix. */
  static async open(dataDir: string, timers: Timers): Promise<Store> {
    const env = openEnvironment(dataDir);
    try {
      const meta = env.openDB<unknown, string>('meta', { encoding: 'msgpack' });
      const lock = await takeLock(dataDir, {
        read: () => meta.get('owner') as string | undefined,
        replace: (before, after) =>
          env.transactionSync(() => {
            if (meta.get('owner') !== before) return false;
            if (after === undefined) meta.removeSync('owner');
            else meta.putSync('owner', after);
            return true;
          }),
      });
      try {
        return new Store(env, lock, dataDir, timers);
      } catch (thrown) {
        await lock.release();
        throw thrown;
      }
    } catch (thrown) {
      await env.close();
      throw thrown instanceof TidecacheError ? thrown : writeError(dataDir, 'opening', thrown);
    }
  }

  private constructor(env: Environment, lock: Lock, dataDir: string, timers: Timers) {
    this.#env = env;
    this.#lock = lock;
    this.#dataDir = dataDir;
    this.#timers = timers;
    const byId = { keyEncoding: 'binary', encoding: 'msgpack' } as const;
    this.#inodes = env.openDB('inodes', byId);
    this.#entries = env.openDB('entries', byId);
    this.#listings = env.openDB('listings', byId);
    this.#retired = env.openDB('retired', byId);
    this.#removed = env.openDB('removed', byId);
    this.#datasets = env.openDB('datasets', byId);
    this.#members = env.openDB('members', { encoding: 'msgpack' });
    this.#meta = env.openDB('meta', { encoding: 'msgpack' });
    const schema = this.#meta.get('schema');
    if (schema !== undefined && schema !== SCHEMA_VERSION) {
      throw new TidecacheError(
        'INVALID',
        `cannot open the master's data in ${dataDir}: its layout is version ${String(schema)}, this release reads ` +
          `version ${SCHEMA_VERSION} (run the release that wrote it, or choose another data directory)`,
      );
    }
    if (schema === undefined) {
      env.transactionSync(() => {
        this.#meta.putSync('schema', SCHEMA_VERSION);
        this.#meta.putSync('clusterId', randomUUID());
      }, DURABLE);
    }
    this.clusterId = this.#meta.get('clusterId') as string;
    // Ids up to the stored bound may have been given away before a crash.
    this.#nextIno = (this.#meta.get('reservedIno') as number | undefined) ?? 2;
    this.#reservedIno = this.#nextIno;
  }

  /**
   * Runs `change` in one transaction. Throws NO_SPACE when the disk is full and INTERNAL when it fails; what `change`
   * throws passes. Nothing of it stays then. `what` names the change in such an error.
   */
  write<T>(what: string, change: () => T, options: { durable?: boolean } = {}): T {
    if (this.#closed) throw new TidecacheError('UNREACHABLE', `${what}: the master is closing`);
    let thrown: { by: unknown } | undefined;
    try {
      this.#reserveIds();
      const result = this.#env.transactionSync(
        () => {
          try {
            return change();
          } catch (error) {
            if (error instanceof TidecacheError) thrown = { by: error };
            throw error;
          }
        },
        options.durable ? DURABLE : SOON_FLUSHED,
      );
      if (!options.durable) this.#flushSoon();
      return result;
    } catch (cause) {
      if (thrown) throw thrown.by;
      throw writeError(this.#dataDir, what, cause);
    }
  }

  /** A new inode's id, within {@link write}. Grows only, also over crashes. */
  allocateIno(): InodeId {
    if (this.#nextIno >= this.#reservedIno) {
      throw new TidecacheError('INTERNAL', `more than ${MAX_IDS_PER_WRITE} new inodes in one transaction`);
    }
    return inodeId(this.#nextIno++);
  }

  inode(ino: number): StoredInode | undefined {
    const tuple = this.#inodes.get(idKey(ino));
    return tuple && inodeFromTuple(inodeId(ino), tuple);
  }

  putInode(inode: StoredInode): void {
    this.#inodes.putSync(idKey(inode.ino), inodeToTuple(inode));
  }

  removeInode(ino: number): void {
    this.#inodes.removeSync(idKey(ino));
  }

  entry(parent: number, raw: string): StoredEntry | undefined {
    const value = this.#entries.get(entryKey(parent, raw));
    return value && { raw, ino: inodeId(value[0]), checkedMs: value[1] };
  }

  hasEntry(parent: number, raw: string): boolean {
    return this.#entries.doesExist(entryKey(parent, raw));
  }

  putEntry(parent: number, { raw, ino, checkedMs }: StoredEntry): void {
    this.#entries.putSync(entryKey(parent, raw), [ino, checkedMs]);
  }

  removeEntry(parent: number, raw: string): void {
    this.#entries.removeSync(entryKey(parent, raw));
  }

  /** Entries after `after`, up to and with `upTo` (undefined: the last), at most `limit`. */
  entries(parent: number, after: string, upTo: string | undefined, limit: number): StoredEntry[] {
    const found: StoredEntry[] = [];
    const range = this.#entries.getRange({
      start: entryKey(parent, after),
      end: entryKey(parent, upTo),
      exclusiveStart: true,
      inclusiveEnd: upTo !== undefined,
      limit,
    });
    for (const { key, value } of range) {
      found.push({ raw: rawFromEntryKey(key), ino: inodeId(value[0]), checkedMs: value[1] });
    }
    return found;
  }

  /** The last complete listing of a directory. */
  listed(ino: number): Listed | undefined {
    const value = this.#listings.get(idKey(ino));
    return value && { startedMs: value[0], endedMs: value[1] };
  }

  putListed(ino: number, { startedMs, endedMs }: Listed): void {
    this.#listings.putSync(idKey(ino), [startedMs, endedMs]);
  }

  /** The record stays for whoever holds it, until {@link sweepRetired}. */
  retire(ino: number, nowMs: number): void {
    this.#retired.putSync(retiredKey(nowMs, ino), null);
  }

  /** Whether a record was retired before `beforeMs`. */
  hasRetired(beforeMs: number): boolean {
    for (const _ of this.#retired.getKeys({
      start: Buffer.alloc(1),
      end: retiredKey(beforeMs, 0),
      limit: 1,
    })) {
      return true;
    }
    return false;
  }

  /** Forgets up to `limit` records retired before `beforeMs`; tells how many. Within {@link write}. */
  sweepRetired(beforeMs: number, limit: number): number {
    const end = retiredKey(beforeMs, 0);
    const keys = [...this.#retired.getKeys({ start: Buffer.alloc(1), end, limit })];
    for (const key of keys) {
      this.removeInode(idFromKey(key, 8));
      this.#retired.removeSync(key);
    }
    return keys.length;
  }

  /** The directory's name is gone; its entries go later, in {@link removedDirectory}'s order. */
  markRemoved(ino: number): void {
    this.#removed.putSync(idKey(ino), null);
  }

  /** A directory whose entries are to be swept. */
  removedDirectory(): InodeId | undefined {
    for (const key of this.#removed.getKeys({ start: Buffer.alloc(1), limit: 1 }))
      return inodeId(idFromKey(key));
    return undefined;
  }

  /** Nothing is left below: forgets the directory itself. */
  dropRemoved(ino: number): void {
    this.#removed.removeSync(idKey(ino));
    this.#listings.removeSync(idKey(ino));
    this.removeInode(ino);
  }

  /** True while `inode` is what its path leads to. */
  isCurrent(inode: StoredInode): boolean {
    return this.entry(inode.parent, rawNameOf(inode))?.ino === inode.ino;
  }

  datasets(): unknown[] {
    return [...this.#datasets.getRange({ start: Buffer.alloc(1) })].map(({ value }) => value);
  }

  putDataset(id: number, value: unknown): void {
    this.#datasets.putSync(idKey(id), value);
  }

  removeDataset(id: number): void {
    this.#datasets.removeSync(idKey(id));
  }

  members(): unknown[] {
    return [...this.#members.getRange({})].map(({ value }) => value);
  }

  putMember(id: string, value: unknown): void {
    this.#members.putSync(id, value);
  }

  removeMember(id: string): void {
    this.#members.removeSync(id);
  }

  /** A counter; 0 when it was never written. */
  counter(name: string): number {
    return (this.#meta.get(name) as number | undefined) ?? 0;
  }

  putCounter(name: string, value: number): void {
    this.#meta.putSync(name, value);
  }

  removeCounter(name: string): void {
    this.#meta.removeSync(name);
  }

  /** Flushes, frees the directory for another master. Twice does no harm. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelFlush?.();
    try {
      await this.#lock.release();
    } finally {
      await this.#env.close();
    }
  }

  /** Ids are set aside durably before they are used: a crash then loses ids, and never gives one twice. */
  #reserveIds(): void {
    if (this.#reservedIno - this.#nextIno >= MAX_IDS_PER_WRITE) return;
    const reserved = this.#nextIno + ID_RESERVATION;
    this.#env.transactionSync(() => this.#meta.putSync('reservedIno', reserved), DURABLE);
    this.#reservedIno = reserved;
  }

  #flushSoon(): void {
    this.#cancelFlush ??= this.#timers.after(FLUSH_MS, () => {
      this.#cancelFlush = undefined;
      // An empty asynchronous commit: lmdb flushes the file on another thread, all commits before it included.
      this.#meta.put('flushed', this.#nextIno).catch(() => {
        // A full disk: the next write says so where somebody asks for it.
      });
    });
  }
}
