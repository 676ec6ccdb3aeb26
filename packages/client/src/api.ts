/**
 * The client without a mount: what a FUSE server, a Node program or a bench calls. Methods answer at once (no
 * promise) where memory has the answer: the kernel asks often, and a turn of the event loop costs more than the
 * answer. `await` serves both. Errors likewise: what is known at once is thrown, not a rejected promise.
 */
import type { Dataset, Entry, InodeId, InodeRecord, Invalidation } from '@tidecache/protocol';

export type MaybePromise<T> = T | Promise<T>;

/** Bytes of a file, in the buffers that received them. */
export interface Slices {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  /** Call once, when the parts are no longer looked at: their memory serves other reads then. */
  release(): void;
}

/** One open file, pinned to one version. */
export interface FileHandle {
  readonly inode: InodeRecord;
  /**
   * Up to `length` bytes from `offset`; fewer only at the end of the file, none past it. Rejects with STALE when the
   * version is gone from origin and workers, TIMEOUT past READ_DEADLINE_MS.
   */
  read(offset: number, length: number): MaybePromise<Slices>;
  /** The same, copied into `into`; resolves to the bytes written. */
  readInto(into: Uint8Array, offset: number): Promise<number>;
  close(): void;
}

export interface DirectoryPage {
  readonly entries: readonly Entry[];
  /** Pass as `after` to go on; absent at the end. */
  readonly next?: string;
  /** How long the directory may be believed to have these names and no others, unless one is invalidated. */
  readonly validMs: number;
}

export interface Client {
  lookup(parent: InodeId, name: string): MaybePromise<Entry>;
  getattr(ino: InodeId): MaybePromise<InodeRecord>;
  readdir(ino: InodeId, after: string, limit: number): Promise<DirectoryPage>;
  /** Confirms first, as the dataset's policy wants it, that the inode is still what its name means; else STALE. */
  open(ino: InodeId): MaybePromise<FileHandle>;
  /** The version that the inode stands for, whatever its name means by now: for who has just looked it up. */
  openVersion(ino: InodeId): MaybePromise<FileHandle>;
  /**
   * Bytes of a small file that a worker on this host lent before anybody asked for them; undefined: open it. The
   * version that the inode stands for, as above. To be looked at in this turn of the event loop: what is lent ends with
   * the worker's connection.
   */
  lent(ino: InodeId, offset: number, length: number): Slices | undefined;
  /** Walks `path` from the root. */
  resolve(path: string): Promise<InodeRecord>;
  /** resolve, open, read whole; for small files and tests. */
  readFile(path: string): Promise<Buffer>;
  dataset(id: number): Dataset | undefined;
  /** Names and inodes to forget, pushed by the master. Returns the way to stop listening. */
  onInvalidate(listener: (change: Invalidation) => void): () => void;
  /** Cumulative counters and gauges, flat, for status, metrics and benches. */
  stats(): ClientStats;
  close(): Promise<void>;
}

export interface ClientStats {
  /** Bytes received from each worker, by id. */
  readonly workerBytes: Readonly<Record<string, number>>;
  /** Of them, bytes that were never received: they were looked at in the worker's memory, on this host. */
  readonly mappedBytes: number;
  /** Of them, bytes of hot files, asked of the workers that their spread named. */
  readonly spreadBytes: number;
  /** Bytes read straight from origins, since no worker could serve them. */
  readonly originBytes: number;
  readonly readBytes: number;
  /** Attempts that went on to the next worker, by error code. */
  readonly retries: Readonly<Record<string, number>>;
  readonly stale: number;
  /** Read-ahead memory in use. */
  readonly bufferBytes: number;
}
