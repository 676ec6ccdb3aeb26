import { type InodeId, type InodeRecord, inodeId, ROOT_INODE, TidecacheError } from '@tidecache/protocol';
import { fitsName } from '../attributes.js';
import type { FileSystem, LookupAnswer } from '../file-system.js';
import { MAX_CACHED_NAMES } from '../limits.js';

interface Known {
  readonly inode: InodeRecord;
  /** On the clock given. */
  readonly until: number;
}

/**
 * Paths to inodes, for a transport that speaks in paths: name by name from the root, remembering each for as long as
 * the file system said that it may be believed. The oldest names go first when there are too many.
 */
export class Names {
  readonly #fileSystem: Pick<FileSystem, 'lookup' | 'getattr'>;
  readonly #now: () => number;
  /** By parent and name. Oldest first. */
  readonly #known = new Map<string, Known>();

  /** `now` in milliseconds, never going back. */
  constructor(
    fileSystem: Pick<FileSystem, 'lookup' | 'getattr'>,
    now: () => number = () => performance.now(),
  ) {
    this.#fileSystem = fileSystem;
    this.#now = now;
  }

  /** Throws NOT_FOUND, NOT_A_DIRECTORY, NAME_TOO_LONG, and what the file system throws. */
  async resolve(path: string): Promise<InodeRecord> {
    const names = path.split('/').filter((name) => name !== '');
    if (names.length === 0) return (await this.#fileSystem.getattr(ROOT_INODE)).inode;
    let parent: InodeId = ROOT_INODE;
    let inode: InodeRecord | undefined;
    for (const name of names) {
      if (inode && inode.kind !== 'directory') {
        throw new TidecacheError('NOT_A_DIRECTORY', `${path}: not a directory on the way to ${name}`);
      }
      if (!fitsName(name)) throw new TidecacheError('NAME_TOO_LONG', `${path}: a name is too long`);
      inode = this.#find(parent, name) ?? this.add(parent, name, await this.#fileSystem.lookup(parent, name));
      parent = inodeId(inode.ino);
    }
    // The loop ran once at least.
    return inode as InodeRecord;
  }

  /** Remembers what a lookup or a listing told. */
  add(parent: InodeId, name: string, { inode, entryValidMs }: LookupAnswer): InodeRecord {
    if (entryValidMs > 0) {
      const key = keyOf(parent, name);
      this.#known.delete(key);
      this.#known.set(key, { inode, until: this.#now() + entryValidMs });
      if (this.#known.size > MAX_CACHED_NAMES) this.#dropOldest(MAX_CACHED_NAMES / 8);
    }
    return inode;
  }

  forget(parent: InodeId, name: string): void {
    this.#known.delete(keyOf(parent, name));
  }

  /** Forgets every name on the way to `path`. */
  forgetPath(path: string): void {
    let parent: InodeId = ROOT_INODE;
    for (const name of path.split('/').filter((part) => part !== '')) {
      const known = this.#known.get(keyOf(parent, name));
      this.forget(parent, name);
      if (!known) return;
      parent = inodeId(known.inode.ino);
    }
  }

  /** Many at once: a Map finds its first key by walking over all that were deleted before it. */
  #dropOldest(count: number): void {
    let left = count;
    for (const key of this.#known.keys()) {
      if (left-- <= 0) break;
      this.#known.delete(key);
    }
  }

  #find(parent: InodeId, name: string): InodeRecord | undefined {
    const known = this.#known.get(keyOf(parent, name));
    return known && known.until > this.#now() ? known.inode : undefined;
  }

  get size(): number {
    return this.#known.size;
  }
}

const keyOf = (parent: InodeId, name: string): string => `${parent}/${name}`;
