/** The files that are open, or were until lately, by inode. */
import { type InodeId, type InodeRecord, inodeId, type TidecacheError } from '@tidecache/protocol';
import type { FileHandle } from '../api.js';
import { MAX_IDLE_FILES } from '../limits.js';
import { Handle } from './handle.js';
import { OpenFile } from './open-file.js';
import type { Reader } from './reader.js';

export class FileTable {
  readonly #reader: Reader;
  readonly #bufferBytes: number;
  readonly #files = new Map<InodeId, OpenFile>();
  /** Without handles, in the order of their last close: whoever opens them again soon finds their segments. */
  readonly #idle = new Set<OpenFile>();

  constructor(reader: Reader, bufferBytes: number) {
    this.#reader = reader;
    this.#bufferBytes = bufferBytes;
  }

  /** Throws IS_A_DIRECTORY, or PROTOCOL for a record that lacks something. */
  open(record: InodeRecord): FileHandle {
    const ino = inodeId(record.ino);
    let file = this.#files.get(ino);
    if (!file) {
      file = new OpenFile(record);
      this.#files.set(ino, file);
    }
    file.handles++;
    this.#idle.delete(file);
    const opened = file;
    return new Handle({
      file,
      reader: this.#reader,
      bufferBytes: this.#bufferBytes,
      onClose: () => this.#closed(opened),
    });
  }

  /** Begins to fetch a small file that nobody has opened yet; false when there is no room for it. */
  fetchAhead(record: InodeRecord): boolean {
    const ino = inodeId(record.ino);
    let file = this.#files.get(ino);
    if (!file) {
      file = new OpenFile(record);
      this.#files.set(ino, file);
      this.#keepIdle(file);
    }
    return this.#reader.fetchAhead(file);
  }

  /** The file's version is gone: its handles know it from now on, the next open starts anew. False: known already. */
  goneStale(file: OpenFile, error: TidecacheError): boolean {
    if (file.stale) return false;
    file.stale = error;
    this.#forget(file);
    return true;
  }

  /** Nothing can be read any more: all memory goes as soon as nobody looks at it. */
  close(): void {
    for (const file of [...this.#files.values()]) this.#forget(file);
  }

  #closed(file: OpenFile): void {
    if (--file.handles > 0) return;
    this.#reader.abandonAll(file);
    if (this.#files.get(file.ino) === file) this.#keepIdle(file);
  }

  #keepIdle(file: OpenFile): void {
    this.#idle.add(file);
    if (this.#idle.size <= MAX_IDLE_FILES) return;
    for (const oldest of this.#idle) {
      this.#forget(oldest);
      return;
    }
  }

  #forget(file: OpenFile): void {
    this.#idle.delete(file);
    if (this.#files.get(file.ino) === file) this.#files.delete(file.ino);
    this.#reader.dropAll(file);
  }
}
