/** What is stored of an inode, as it is told to clients. */
import type { Entry, InodeRecord } from '@tidecache/protocol';
import { READDIR_ENTRY_BYTES } from '../limits.js';
import type { StoredInode } from '../store/codec.js';
import type { Datasets } from './datasets.js';

/** Throws STALE when the inode's dataset was removed. */
export function recordOf(inode: StoredInode, datasets: Datasets): InodeRecord {
  const { ino, kind, size, mtimeMs, mode, datasetId, version, uid, gid } = inode;
  const record: InodeRecord = { ino, kind, size, mtimeMs, mode };
  if (datasetId === 0) return record;
  const dataset = datasets.require(datasetId);
  record.datasetId = datasetId;
  record.key = inode.isDatasetRoot ? '' : inode.key;
  if (uid !== undefined) record.uid = uid;
  if (gid !== undefined) record.gid = gid;
  if (kind === 'file') {
    if (version !== undefined) record.version = version;
    record.blockBytes = dataset.blockBytes;
  }
  return record;
}

/** At most what the entry takes in an encoded answer; texts are counted at their longest only where that is near. */
export function entryBytes({ name, inode }: Entry): number {
  const units = name.length + (inode.key?.length ?? 0) + (inode.version?.length ?? 0);
  return READDIR_ENTRY_BYTES + units * 3;
}
