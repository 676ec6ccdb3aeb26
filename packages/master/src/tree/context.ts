import type { ErrorCode, TidecacheError } from '@tidecache/protocol';
import { ERRORS } from '@tidecache/protocol';
import type { Metrics } from '../metrics.js';
import type { StoredInode } from '../store/codec.js';
import type { StoredEntry } from '../store/store.js';
import type { Datasets } from './datasets.js';
import type { Listings } from './listings.js';
import type { Origins } from './origins.js';
import type { Tree } from './tree.js';

/** What answering a question about the tree takes. */
export interface TreeContext {
  readonly tree: Tree;
  readonly datasets: Datasets;
  readonly origins: Origins;
  readonly listings: Listings;
  readonly metrics: Metrics;
}

/** When the origin last vouched for an entry: by itself, in a complete listing, or in one that is under way. */
export function verifiedMs(
  { tree, listings }: TreeContext,
  directory: StoredInode,
  entry: StoredEntry,
): number {
  const listed = tree.store.listed(directory.ino)?.startedMs ?? 0;
  const active = listings.active(directory.ino);
  const covered = active?.covers(entry.raw) ? active.startedMs : 0;
  return Math.max(entry.checkedMs, listed, covered);
}

/** Away, not refusing: what is known may be served meanwhile. A full disk here is like that for what is known. */
export function isAway(error: TidecacheError): boolean {
  const code: ErrorCode = error.code;
  return ERRORS[code].class === 'unreachable' || ERRORS[code].class === 'busy' || code === 'NO_SPACE';
}
