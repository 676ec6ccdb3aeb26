/**
 * How state is laid out in LMDB. Keys are bytes, so that LMDB's order is the one wanted:
 *
 * | table | key | value |
 * | --- | --- | --- |
 * | inodes | id | [kind, parent, size, mtimeMs, mode, datasetId, key, version, uid, gid], shortened |
 * | entries | parent id, raw name | [id, checkedMs] |
 * | listings | directory's id | [startedMs, endedMs] of the last complete listing |
 * | retired | retiredMs, id | nothing |
 * | removed | id of a directory whose entries are to be swept | nothing |
 * | datasets | id | [dataset, root id] |
 * | members | worker id | what it registered with |
 * | meta | a word | counters and ids |
 *
 * Ids are 8 bytes, big-endian. A raw name is the name in UTF-8, with a slash at the end for a directory: entries lie
 * in the order in which an origin lists its keys, and a listing is merged page by page.
 */
import type { InodeId } from '@tidecache/protocol';

/** A new layout has a new number: a master refuses what it can't read. */
export const SCHEMA_VERSION = 1;

export interface StoredInode {
  readonly ino: InodeId;
  readonly parent: InodeId;
  readonly kind: 'file' | 'directory';
  readonly size: number;
  readonly mtimeMs: number;
  readonly mode: number;
  /** 0: above the datasets. */
  readonly datasetId: number;
  /** In a dataset, below its root: the origin's key, a directory's with its slash. Else the raw name in the tree. */
  readonly key: string;
  /** A dataset's root: its key at the origin is '', and {@link StoredInode.key} is its raw name in the tree. */
  readonly isDatasetRoot: boolean;
  /** A file's version at its origin. */
  readonly version: string | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

export type InodeTuple = (number | string | null)[];

const FILE = 0;
const DIRECTORY = 1;
const DATASET_ROOT = 2;

export function inodeToTuple(inode: StoredInode): InodeTuple {
  const kind = inode.kind === 'file' ? FILE : inode.isDatasetRoot ? DATASET_ROOT : DIRECTORY;
  const tuple: InodeTuple = [
    kind,
    inode.parent,
    inode.size,
    inode.mtimeMs,
    inode.mode,
    inode.datasetId,
    inode.key,
  ];
  if (inode.version !== undefined || inode.uid !== undefined || inode.gid !== undefined) {
    tuple.push(inode.version ?? null);
    if (inode.uid !== undefined || inode.gid !== undefined) tuple.push(inode.uid ?? null, inode.gid ?? null);
  }
  return tuple;
}

export function inodeFromTuple(ino: InodeId, tuple: InodeTuple): StoredInode {
  const [kind, parent, size, mtimeMs, mode, datasetId, key, version, uid, gid] = tuple;
  return {
    ino,
    parent: parent as InodeId,
    kind: kind === FILE ? 'file' : 'directory',
    isDatasetRoot: kind === DATASET_ROOT,
    size: size as number,
    mtimeMs: mtimeMs as number,
    mode: mode as number,
    datasetId: datasetId as number,
    key: key as string,
    version: (version ?? undefined) as string | undefined,
    uid: (uid ?? undefined) as number | undefined,
    gid: (gid ?? undefined) as number | undefined,
  };
}

/** The raw name under which an inode stands in its parent. */
export function rawNameOf({ key }: StoredInode): string {
  const slash = key.lastIndexOf('/', key.length - 2);
  return slash < 0 ? key : key.slice(slash + 1);
}

/** The name that a raw name stands for. */
export const nameOf = (raw: string): string => (raw.endsWith('/') ? raw.slice(0, -1) : raw);

export function idKey(id: number): Buffer {
  const key = Buffer.allocUnsafe(8);
  writeId(key, id, 0);
  return key;
}

export const idFromKey = (key: Buffer, at = 0): number =>
  key.readUInt32BE(at) * 0x1_0000_0000 + key.readUInt32BE(at + 4);

/** `raw` undefined: just past the last entry of `parent`. */
export function entryKey(parent: number, raw: string | undefined): Buffer {
  if (raw === undefined) return idKey(parent + 1);
  const key = Buffer.allocUnsafe(8 + Buffer.byteLength(raw));
  writeId(key, parent, 0);
  key.write(raw, 8);
  return key;
}

export const rawFromEntryKey = (key: Buffer): string => key.toString('utf8', 8);

export function retiredKey(retiredMs: number, id: number): Buffer {
  const key = Buffer.allocUnsafe(16);
  writeId(key, Math.max(0, Math.floor(retiredMs)), 0);
  writeId(key, id, 8);
  return key;
}

function writeId(into: Buffer, id: number, at: number): void {
  into.writeUInt32BE(Math.floor(id / 0x1_0000_0000), at);
  into.writeUInt32BE(id >>> 0, at + 4);
}
