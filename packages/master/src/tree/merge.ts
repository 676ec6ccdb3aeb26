/**
 * Merges one page of an origin's listing into the tree: both are in the order of their raw names, so it is a
 * merge-join of the page with the entries that are known in the same range.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { compareKeys, type ListItem } from '@tidecache/storage';
import { MERGE_CHUNK_ENTRIES } from '../limits.js';
import type { StoredInode } from '../store/codec.js';
import type { StoredEntry } from '../store/store.js';
import type { Change } from './change.js';
import { rawOf, type Tree } from './tree.js';

export interface Page {
  readonly items: readonly ListItem[];
  /** The range: after this raw name, */
  readonly after: string;
  /** up to and with this one; undefined: to the end of the directory. */
  readonly upTo: string | undefined;
  /** When the origin was asked. What was learned later than this is newer than the page. */
  readonly askedMs: number;
}

/** One transaction for each chunk of known entries, so that a page that removes a million names stays bounded. */
export async function mergePage(
  tree: Tree,
  directory: StoredInode,
  page: Page,
  readOnly: boolean,
): Promise<void> {
  let after = page.after;
  let next = 0;
  for (;;) {
    const known = tree.store.entries(directory.ino, after, page.upTo, MERGE_CHUNK_ENTRIES);
    const last = known.length === MERGE_CHUNK_ENTRIES ? known.at(-1)?.raw : undefined;
    const end = last === undefined ? page.items.length : endOf(page.items, next, last);
    const items = page.items.slice(next, end);
    if (items.length > 0 || known.length > 0) {
      tree.change(`listing ${tree.pathOf(directory)}`, (change) =>
        join(tree, change, directory, known, items, { askedMs: page.askedMs, readOnly }),
      );
    }
    // Look-ups and heartbeats come between, also when the origin answers without ever waiting for the network.
    await nextTurn();
    if (last === undefined) return;
    after = last;
    next = end;
  }
}

function endOf(items: readonly ListItem[], from: number, last: string): number {
  let end = from;
  for (let item = items[end]; item && compareKeys(rawOf(item), last) <= 0; item = items[end]) end++;
  return end;
}

function join(
  tree: Tree,
  change: Change,
  directory: StoredInode,
  known: readonly StoredEntry[],
  items: readonly ListItem[],
  { askedMs, readOnly }: { askedMs: number; readOnly: boolean },
): void {
  // Removed and swept meanwhile: nothing may be written below it any more.
  tree.requireDirectory(directory.ino);
  let at = 0;
  for (const item of items) {
    const raw = rawOf(item);
    let order = -1;
    for (let old = known[at]; old; old = known[at]) {
      order = compareKeys(old.raw, raw);
      if (order >= 0) break;
      forgetOlder(tree, change, directory, old, askedMs);
      at++;
    }
    const same = order === 0 ? known[at] : undefined;
    if (same) at++;
    if (same && same.checkedMs > askedMs) continue;
    tree.observe(change, directory, item, { checkedMs: askedMs, readOnly, touch: false });
  }
  for (const old of known.slice(at)) forgetOlder(tree, change, directory, old, askedMs);
}

/** A name that was found after the page was asked for is not missing: it is newer than the page. */
function forgetOlder(
  tree: Tree,
  change: Change,
  directory: StoredInode,
  entry: StoredEntry,
  askedMs: number,
): void {
  if (entry.checkedMs <= askedMs) tree.forget(change, directory, entry);
}
