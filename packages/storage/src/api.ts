/**
 * One interface for every origin. Keys are relative to the dataset's root, without a leading slash; a directory's
 * key ends with `/`, the root's is ''.
 */
export interface ObjectInfo {
  readonly key: string;
  readonly size: number;
  readonly mtimeMs: number;
  /** Names this content: an ETag, or `inode-size-mtimeNs` on a file system. Equal versions, equal bytes. */
  readonly version: string;
  /** Where the origin has them. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export type ListItem =
  | ({ readonly kind: 'file' } & ObjectInfo)
  | { readonly kind: 'directory'; readonly key: string; readonly mtimeMs?: number };

/** Why a key of the origin has no place in a POSIX tree. */
export type SkipReason =
  | 'empty-name'
  | 'dot-name'
  | 'name-too-long'
  | 'not-utf8'
  | 'nul'
  | 'shadowed-by-directory'
  | 'escapes-root'
  | 'special-file'
  | 'key-too-long';

export interface ListPage {
  /** In the order of their keys' UTF-8 bytes, a directory's key with its slash. Valid names only, no duplicates. */
  readonly items: readonly ListItem[];
  /** Where to go on; absent at the end. Opaque. */
  readonly next?: string;
  /** Left out of `items`, counted by reason. */
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
}

export interface OriginCall {
  /** For the whole call, its retries included. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
}

export interface ReadCall extends OriginCall {
  /** Only this version is read: STALE when the object is another by now. */
  readonly version: string;
  readonly offset: number;
  /** Exactly this many bytes arrive in `into`, or the call fails. Within the object. */
  readonly length: number;
  readonly into: Uint8Array;
  /** `bytes` from the start of `into` are final; called as they arrive, never decreasing (a retry goes on where the last try stopped). */
  readonly onProgress?: (bytes: number) => void;
}

export interface WriteCall extends OriginCall {
  readonly size?: number;
  /** Fails with ALREADY_EXISTS when the key is there. */
  readonly ifAbsent?: boolean;
}

export interface Capabilities {
  /** Reads are pinned by the origin itself (`If-Match`), not only checked around. */
  readonly pinnedReads: boolean;
  /** Renames are atomic; else copy and delete. */
  readonly atomicRename: boolean;
  readonly conditionalCreate: boolean;
  /** Directories exist without files in them. */
  readonly realDirectories: boolean;
}

/**
 * Every method rejects with a TidecacheError whose message names the origin and the key: NOT_FOUND, ACCESS_DENIED (403), STALE (412,
 * or another version), TIMEOUT, ORIGIN_FAILED (5xx, I/O), UNREACHABLE, CORRUPT (short or wrong answer), CANCELLED.
 */
export interface Origin {
  readonly uri: string;
  readonly capabilities: Capabilities;
  /** Fails when the bucket, prefix's bucket or directory is absent or refused, with the fix in the message. */
  check(call: OriginCall): Promise<void>;
  /** One directory's children, or with `recursive` every file below it. */
  list(
    directory: string,
    call: OriginCall & { after?: string; limit?: number; recursive?: boolean },
  ): Promise<ListPage>;
  /** A file's facts. NOT_FOUND when the key is no file (it may be a directory). */
  stat(key: string, call: OriginCall): Promise<ObjectInfo>;
  /** What a name is: file, directory (wins over a file of the same name) or undefined. `key` has no trailing slash. */
  lookup(key: string, call: OriginCall): Promise<ListItem | undefined>;
  read(key: string, call: ReadCall): Promise<void>;
  /** Whole-object write, atomic: readers see the old or the new. Multipart above the adapter's threshold. */
  write(key: string, body: Uint8Array | AsyncIterable<Uint8Array>, call: WriteCall): Promise<ObjectInfo>;
  /** Deleting what is not there succeeds. */
  delete(key: string, call: OriginCall): Promise<void>;
  copy(from: string, to: string, call: OriginCall): Promise<ObjectInfo>;
  rename(from: string, to: string, call: OriginCall): Promise<ObjectInfo>;
  close(): Promise<void>;
}

export interface OriginOptions {
  readonly endpoint?: string;
  readonly region?: string;
  readonly pathStyle?: boolean;
  readonly credentialsFile?: string;
}
