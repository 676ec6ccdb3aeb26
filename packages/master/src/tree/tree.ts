/**
 * The tree of inodes. A file's inode stands for one version of one path: seen again unchanged it keeps its id, changed
 * it gets a new one, and the old record stays for the handles that hold it. Directories keep their id.
 */
import { type InodeId, type Invalidation, ROOT_INODE, TidecacheError } from '@tidecache/protocol';
import type { ListItem } from '@tidecache/storage';
import { nameOf, rawNameOf, type StoredInode } from '../store/codec.js';
import type { Store, StoredEntry } from '../store/store.js';
import { Change } from './change.js';

const SYNTHETIC_MODE = 0o555;
const DIRECTORY_MODE = { readOnly: 0o555, readWrite: 0o755 };
const FILE_MODE = { readOnly: 0o444, readWrite: 0o644 };
/** Set-user-id and its like have no meaning through a mount, and are a danger. */
const MODE_BITS = 0o777;

export interface TreeInit {
  readonly store: Store;
  readonly now: () => number;
  /** Tells clients, after the commit. */
  readonly onInvalidate: (invalidation: Invalidation) => void;
  /** There are entries below removed directories to sweep. */
  readonly onSweep: () => void;
}

export class Tree {
  readonly store: Store;
  readonly now: () => number;
  readonly #onInvalidate: TreeInit['onInvalidate'];
  readonly #onSweep: TreeInit['onSweep'];

  constructor({ store, now, onInvalidate, onSweep }: TreeInit) {
    this.store = store;
    this.now = now;
    this.#onInvalidate = onInvalidate;
    this.#onSweep = onSweep;
    if (store.inode(ROOT_INODE) === undefined) this.#makeRoot();
  }

  /** Runs `run` in one transaction, then tells the clients what it changed. Throws as Store.write. */
  change<T>(what: string, run: (change: Change) => T, options: { durable?: boolean } = {}): T {
    let change = new Change();
    const result = this.store.write(
      what,
      () => {
        change = new Change();
        const answer = run(change);
        for (const [datasetId, more] of change.counts) {
          this.store.putCounter(countName(datasetId), this.inodeCount(datasetId) + more);
        }
        return answer;
      },
      options,
    );
    for (const invalidation of change.invalidations()) this.#onInvalidate(invalidation);
    if (change.sweep) this.#onSweep();
    return result;
  }

  /** Inodes known of a dataset, replaced ones not counted. */
  inodeCount(datasetId: number): number {
    return this.store.counter(countName(datasetId));
  }

  forgetCount(datasetId: number): void {
    this.store.removeCounter(countName(datasetId));
  }

  /** Entries of a removed directory went; a removed dataset's count is gone already. Within {@link change}. */
  uncount(datasetId: number, fewer: number): void {
    const count = this.inodeCount(datasetId);
    if (count > 0) this.store.putCounter(countName(datasetId), Math.max(0, count - fewer));
  }

  /** The inode; STALE when nothing is known of it (any more). */
  require(ino: number): StoredInode {
    const inode = this.store.inode(ino);
    if (inode) return inode;
    throw new TidecacheError('STALE', `inode ${ino} is no longer known (look its name up again)`);
  }

  requireDirectory(ino: number): StoredInode {
    const inode = this.require(ino);
    if (inode.kind === 'directory') return inode;
    throw new TidecacheError('NOT_A_DIRECTORY', `${inode.key} is a file, not a directory`);
  }

  /** What a name stands for: a directory wins over a file of the same name, as in the origins' listings. */
  child(directory: InodeId, name: string): StoredEntry | undefined {
    return this.store.entry(directory, `${name}/`) ?? this.store.entry(directory, name);
  }

  /**
   * Takes in what the origin said of a child of `directory` at `checkedMs`. `touch`: remember that time also when
   * nothing changed. Within {@link change}.
   */
  observe(
    change: Change,
    directory: StoredInode,
    item: ListItem,
    facts: { checkedMs: number; readOnly: boolean; touch: boolean },
  ): StoredInode {
    const raw = rawOf(item);
    const entry = this.store.entry(directory.ino, raw);
    const known = entry && this.store.inode(entry.ino);
    if (entry && known && sameContent(known, item)) {
      const inode = sameAttributes(known, item, facts.readOnly)
        ? known
        : describe(known.ino, directory, item, facts.readOnly, known.mtimeMs);
      if (inode !== known) this.store.putInode(inode);
      if (facts.touch) this.store.putEntry(directory.ino, { ...entry, checkedMs: facts.checkedMs });
      return inode;
    }
    if (entry) {
      this.store.retire(entry.ino, this.now());
      change.invalidate(directory.ino, nameOf(raw));
      change.drop(entry.ino);
    } else {
      change.count(directory.datasetId, 1);
      // Clients may keep the listing without it.
      if (this.store.listed(directory.ino)) change.invalidate(directory.ino, nameOf(raw));
    }
    const inode = describe(this.store.allocateIno(), directory, item, facts.readOnly, this.now());
    this.store.putInode(inode);
    this.store.putEntry(directory.ino, { raw, ino: inode.ino, checkedMs: facts.checkedMs });
    return inode;
  }

  /** The name is gone. What is below a directory is swept later. Within {@link change}. */
  forget(change: Change, directory: StoredInode, { raw, ino }: StoredEntry): void {
    this.store.removeEntry(directory.ino, raw);
    change.invalidate(directory.ino, nameOf(raw));
    change.count(directory.datasetId, -1);
    this.detach(change, ino, raw);
  }

  /** The inode has no name any more. Within {@link change}. */
  detach(change: Change, ino: InodeId, raw: string): void {
    change.drop(ino);
    if (raw.endsWith('/')) {
      this.store.markRemoved(ino);
      change.sweep = true;
    } else {
      this.store.retire(ino, this.now());
    }
  }

  /** A directory above the datasets, or a dataset's root. Within {@link change}. */
  addDirectory(change: Change, parent: InodeId, name: string, datasetId: number): StoredInode {
    const inode: StoredInode = {
      ino: this.store.allocateIno(),
      parent,
      kind: 'directory',
      isDatasetRoot: datasetId !== 0,
      size: 0,
      mtimeMs: this.now(),
      mode: SYNTHETIC_MODE,
      datasetId,
      key: `${name}/`,
      version: undefined,
      uid: undefined,
      gid: undefined,
    };
    this.store.putInode(inode);
    this.store.putEntry(parent, { raw: inode.key, ino: inode.ino, checkedMs: 0 });
    change.invalidate(parent, name);
    return inode;
  }

  /** The directories' names from the root down to the inode: `/a/b`. */
  pathOf(inode: StoredInode): string {
    let path = '';
    for (
      let at: StoredInode | undefined = inode;
      at && at.ino !== ROOT_INODE;
      at = this.store.inode(at.parent)
    ) {
      path = `/${nameOf(rawNameOf(at))}${path}`;
    }
    return path || '/';
  }

  #makeRoot(): void {
    this.store.write(
      'making the root directory',
      () =>
        this.store.putInode({
          ino: ROOT_INODE,
          parent: ROOT_INODE,
          kind: 'directory',
          isDatasetRoot: false,
          size: 0,
          mtimeMs: this.now(),
          mode: SYNTHETIC_MODE,
          datasetId: 0,
          key: '',
          version: undefined,
          uid: undefined,
          gid: undefined,
        }),
      { durable: true },
    );
  }
}

const countName = (datasetId: number) => `inodes:${datasetId}`;

/** A child's raw name in an origin's answer: a directory's key ends with its slash. */
export function rawOf(item: ListItem): string {
  const slash = item.key.lastIndexOf('/', item.key.length - 2);
  return slash < 0 ? item.key : item.key.slice(slash + 1);
}

/** The key prefix of what is in `directory`. */
export const prefixOf = (directory: StoredInode): string => (directory.isDatasetRoot ? '' : directory.key);

/** Permission bits: the origin's where it has some. */
function modeOf(item: ListItem, readOnly: boolean): number {
  const access = readOnly ? 'readOnly' : 'readWrite';
  if (item.kind === 'directory') return DIRECTORY_MODE[access];
  return item.mode === undefined ? FILE_MODE[access] : item.mode & MODE_BITS;
}

function describe(
  ino: InodeId,
  directory: StoredInode,
  item: ListItem,
  readOnly: boolean,
  /** Shown for a directory whose origin keeps no time for it. */
  defaultMtimeMs: number,
): StoredInode {
  const isFile = item.kind === 'file';
  // Written out, not spread: a listing makes one for each of its names.
  return {
    ino,
    parent: directory.ino,
    kind: item.kind,
    isDatasetRoot: false,
    size: isFile ? item.size : 0,
    mtimeMs: item.mtimeMs ?? defaultMtimeMs,
    mode: modeOf(item, readOnly),
    datasetId: directory.datasetId,
    key: item.key,
    version: isFile ? item.version : undefined,
    uid: isFile ? item.uid : undefined,
    gid: isFile ? item.gid : undefined,
  };
}

const sameContent = (known: StoredInode, item: ListItem) =>
  item.kind === 'directory'
    ? known.kind === 'directory'
    : known.kind === 'file' && known.version === item.version && known.size === item.size;

/**
 * Owner and mode may change without the content. Times are not compared for files: an object store's listing and its
 * stat round them differently, and equal versions mean equal bytes.
 */
function sameAttributes(known: StoredInode, item: ListItem, readOnly: boolean): boolean {
  if (known.mode !== modeOf(item, readOnly)) return false;
  if (item.kind === 'directory') return item.mtimeMs === undefined || item.mtimeMs === known.mtimeMs;
  return known.uid === item.uid && known.gid === item.gid;
}
