import type { InodeRecord } from '@tidecache/protocol';
import { HandleTable } from '../handles.js';

export interface OpenFile {
  readonly path: string;
  readonly inode: InodeRecord;
  /** The file system's own. */
  readonly handle: number;
  /** Another version is open at the same path: this one must not be read any more. */
  stale: boolean;
}

/**
 * The open files of a path-based mount. libfuse knows a file by its path, so the kernel keeps one page cache for all
 * versions that are open at a path. When a newer version is opened, handles of older ones go stale: their bytes would
 * end up among the newer one's.
 */
export class OpenFiles {
  readonly #handles = new HandleTable<OpenFile>('file');
  readonly #byPath = new Map<string, Set<OpenFile>>();

  add(path: string, inode: InodeRecord, handle: number): number {
    const file: OpenFile = { path, inode, handle, stale: false };
    const number = this.#handles.add(file);
    const others = this.#byPath.get(path) ?? new Set();
    for (const other of others) other.stale ||= other.inode.ino !== inode.ino;
    others.add(file);
    this.#byPath.set(path, others);
    return number;
  }

  get(number: number): OpenFile {
    return this.#handles.get(number);
  }

  remove(number: number): OpenFile | undefined {
    const file = this.#handles.remove(number);
    const others = file && this.#byPath.get(file.path);
    if (file && others?.delete(file) && others.size === 0) this.#byPath.delete(file.path);
    return file;
  }

  get size(): number {
    return this.#handles.size;
  }
}
