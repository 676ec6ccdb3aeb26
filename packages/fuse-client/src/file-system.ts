/**
 * The one interface between FUSE and what is served, in typed operations: no wire structs, no errno numbers. Both
 * transports call it; it is tested without FUSE. Errors are TidecacheErrors. An answer may come at once or later.
 */
import type { InodeId, InodeRecord } from '@tidecache/protocol';

export type MaybePromise<T> = T | Promise<T>;

export interface LookupAnswer {
  readonly inode: InodeRecord;
  /** How long the kernel may believe the name. */
  readonly entryValidMs: number;
  /** How long the kernel may believe the attributes. */
  readonly attrValidMs: number;
}

export interface DirectoryEntry extends LookupAnswer {
  readonly name: string;
}

export interface ReadAnswer {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  release(): void;
}

export interface OpenAnswer {
  /** Chosen by the file system; comes back in read and release. */
  readonly handle: number;
  /** The kernel may keep the pages that it has of this inode. */
  readonly keepCache: boolean;
}

/**
 * What the kernel may do with the names that it keeps of a directory: `keep` them for this handle too; begin `anew` with
 * what this handle reads; or leave them to others, and read this handle `apart`.
 */
export type KeptListing = 'keep' | 'anew' | 'apart';

export interface OpendirAnswer {
  /** Chosen by the file system; comes back in readdir and releasedir. */
  readonly handle: number;
  /** `apart` by default. A transport that can't pass it on reads every handle apart. */
  readonly listing?: KeptListing;
}

export interface StatfsAnswer {
  readonly blockSize: number;
  readonly blocks: number;
  readonly files: number;
  readonly maxNameBytes: number;
}

export interface FileSystem {
  lookup(parent: InodeId, name: string): MaybePromise<LookupAnswer>;
  getattr(ino: InodeId): MaybePromise<{ inode: InodeRecord; attrValidMs: number }>;
  open(ino: InodeId): MaybePromise<OpenAnswer>;
  read(handle: number, offset: number, length: number): MaybePromise<ReadAnswer>;
  release(handle: number): void;
  /**
   * Reads the version that the inode stands for, without an open. A file system that has it is asked so by the kernel
   * transport, whose kernel then sends neither OPEN nor RELEASE: each round trip less is a small file sooner. It must
   * do without what `open` promises: names are then confirmed by `lookup` alone, so `entryValidMs` says how soon. Not
   * for a file system that can be written to.
   */
  readInode?(ino: InodeId, offset: number, length: number): MaybePromise<ReadAnswer>;
  opendir(ino: InodeId): MaybePromise<OpendirAnswer>;
  /**
   * Entries from position `offset` on (0, or the position after the last entry taken), at most about `max`; empty at
   * the end. `.` and `..` are the transport's. A position stays valid while the handle is open. A name that was
   * invalidated since its page was read must come with `entryValidMs` 0, or the kernel would believe it anew; a name
   * that no file can have (`''`) is left out, its position stays.
   */
  readdir(handle: number, offset: number, max: number): MaybePromise<readonly DirectoryEntry[]>;
  releasedir(handle: number): void;
  statfs(): MaybePromise<StatfsAnswer>;
  /**
   * The value of an extended attribute; undefined: there is none of that name. Of a file system without it, and without
   * `listxattr`, the kernel asks once and never again: `ls -l` asks for two attributes of every file.
   */
  getxattr?(ino: InodeId, name: string): MaybePromise<Uint8Array | undefined>;
  listxattr?(ino: InodeId): MaybePromise<readonly string[]>;
}

/** What the file system tells the kernel unasked. A transport that can't pass it on ignores it. */
export interface KernelNotifier {
  invalidateEntry(parent: InodeId, name: string): void;
  invalidateInode(ino: InodeId): void;
}

/** A mount being served. */
export interface Mount {
  readonly mountPoint: string;
  readonly notifier: KernelNotifier;
  /** Settles when the mount has ended, by `unmount` or from outside (`umount`). */
  readonly ended: Promise<void>;
  /** Unmounts, also with files open (lazily then), and settles when it's gone from the mount table. */
  unmount(): Promise<void>;
}
