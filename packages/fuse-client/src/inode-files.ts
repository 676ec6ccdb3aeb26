/** Files that are read by their inode: opened by their first read, closed when nobody has read them for a while. */
import type { Client, FileHandle } from '@tidecache/client';
import { type InodeId, TidecacheError } from '@tidecache/protocol';
import type { MaybePromise, ReadAnswer } from './file-system.js';
import { INODE_FILE_IDLE_MS, MAX_INODE_FILES } from './limits.js';

interface InodeFile {
  readonly file: FileHandle;
  readAt: number;
}

export class InodeFiles {
  readonly #client: Pick<Client, 'lent' | 'openVersion'>;
  readonly #now: () => number;
  /** Longest unread first. */
  readonly #open = new Map<InodeId, InodeFile>();
  #ended = false;

  constructor(client: Pick<Client, 'lent' | 'openVersion'>, now: () => number = () => performance.now()) {
    this.#client = client;
    this.#now = now;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Closes all; an open that is still on its way is closed when it comes. */
  close(): void {
    this.#ended = true;
    for (const [ino, open] of this.#open) this.#close(ino, open);
  }

  read(ino: InodeId, offset: number, length: number): MaybePromise<ReadAnswer> {
    const lent = this.#client.lent(ino, offset, length);
    if (lent) return lent;
    const open = this.#open.get(ino);
    if (!open) return this.#openAndRead(ino, offset, length);
    this.#touch(ino, open);
    try {
      return open.file.read(offset, length);
    } catch (thrown) {
      if (!(thrown instanceof TidecacheError) || thrown.code !== 'STALE') throw thrown;
      // It was stale for who read it before; this may be a new reader, for whom it is tried anew.
      this.#close(ino, open);
      return this.#openAndRead(ino, offset, length);
    }
  }

  #openAndRead(ino: InodeId, offset: number, length: number): MaybePromise<ReadAnswer> {
    const file = this.#client.openVersion(ino);
    if (!(file instanceof Promise)) return this.#keep(ino, file).read(offset, length);
    return file.then((opened) => this.#keep(ino, opened).read(offset, length));
  }

  /** The file to read from: another read may have opened it meanwhile. */
  #keep(ino: InodeId, file: FileHandle): FileHandle {
    if (this.#ended) {
      file.close();
      throw new TidecacheError('CANCELLED', `inode ${ino} was opened after the mount had ended`);
    }
    const there = this.#open.get(ino);
    if (there) {
      file.close();
      return there.file;
    }
    this.#touch(ino, { file, readAt: 0 });
    return file;
  }

  /** Makes it the last one read, and closes one that is idle, or one too many: each read opens one at most. */
  #touch(ino: InodeId, open: InodeFile): void {
    open.readAt = this.#now();
    this.#open.delete(ino);
    this.#open.set(ino, open);
    for (const [oldest, candidate] of this.#open) {
      const idle = open.readAt - candidate.readAt > INODE_FILE_IDLE_MS;
      if (idle || this.#open.size > MAX_INODE_FILES) this.#close(oldest, candidate);
      return;
    }
  }

  #close(ino: InodeId, open: InodeFile): void {
    this.#open.delete(ino);
    open.file.close();
  }
}
