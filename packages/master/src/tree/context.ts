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

/**
 * When the origin last vouched for an entry of `directory`: by itself, in a complete listing, or in one that is under
 * way. Answers a function, so that a page of entries looks at the directory once.
 */
export function verifier(
  { tree, listings }: TreeContext,
  directory: StoredInode,
): (entry: StoredEntry) => number {
  const listedMs = tree.store.listed(directory.ino)?.startedMs ?? 0;
  const active = listings.active(directory.ino);
  return (entry) => Math.max(entry.checkedMs, listedMs, active?.covers(entry.raw) ? active.startedMs : 0);
}

/** Away, not refusing: what is known may be served meanwhile. A full disk here is like that for what is known. */
export function isAway(error: TidecacheError): boolean {
  const code: ErrorCode = error.code;
  return ERRORS[code].class === 'unreachable' || ERRORS[code].class === 'busy' || code === 'NO_SPACE';
}
