/** Pages of a directory, and of a tree, in the order of their keys' UTF-8 bytes. */
import type { BigIntStats } from 'node:fs';
import * as fs from 'node:fs/promises';
import type { ListItem, ListPage, ObjectInfo, SkipReason } from '../api.js';
import { MAX_LIST_KEYS } from '../limits.js';
import { compareKeys } from '../names.js';
import type { Child, Directories } from './directory.js';
import { isCode } from './failures.js';
import type { Budget, FsGate } from './gate.js';
import { nasVersion } from './root.js';

export interface ListRequest {
  readonly after?: string;
  readonly limit?: number;
  readonly recursive?: boolean;
}

/** `after` is the last key of the page before; the directories' names may have been read anew since. */
export async function listDirectory(
  budget: Budget,
  directories: Directories,
  gate: FsGate,
  directory: string,
  { after, limit, recursive }: ListRequest,
): Promise<ListPage> {
  const most = Math.max(1, limit ?? MAX_LIST_KEYS);
  const skipped: Partial<Record<SkipReason, number>> = {};
  const chosen: Child[] = [];
  let more = false;

  /** False when the page is full. */
  const walk = async (at: string): Promise<boolean> => {
    const begun = after !== undefined && after !== at && after.startsWith(at);
    const { children, skipped: here } = await directories.snapshot(budget, at, !begun);
    if (!begun) {
      // Told with the directory's first page, so that the pages' sums are right.
      for (const [reason, count] of Object.entries(here) as [SkipReason, number][]) {
        skipped[reason] = (skipped[reason] ?? 0) + count;
      }
    }
    for (let i = after === undefined ? 0 : firstAfter(children, after); i < children.length; i++) {
      const child = children[i];
      if (!child) break;
      if (recursive && child.key.endsWith('/')) {
        if (!(await walk(child.key))) return false;
        continue;
      }
      if (chosen.length === most) {
        more = true;
        return false;
      }
      chosen.push(child);
    }
    return true;
  };
  await walk(directory);

  const items = await Promise.all(chosen.map((child) => describe(budget, gate, child)));
  const page = { items: items.filter((item) => item !== undefined), skipped };
  const last = chosen.at(-1);
  return more && last ? { ...page, next: last.key } : page;
}

/** The first child that `after` doesn't cover. A directory that `after` lies in is not covered yet. */
function firstAfter(children: readonly Child[], after: string): number {
  let low = 0;
  let high = children.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const key = children[middle]?.key ?? '';
    const covered =
      compareKeys(key, after) <= 0 && !(key.endsWith('/') && key !== after && after.startsWith(key));
    if (covered) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Undefined when it is gone by now, or is something else. */
async function describe(budget: Budget, gate: FsGate, child: Child): Promise<ListItem | undefined> {
  try {
    const stat = await gate.run(budget, () => fs.lstat(child.real, { bigint: true }));
    if (child.key.endsWith('/')) {
      return stat.isDirectory() ? directoryItem(child.key, stat) : undefined;
    }
    return stat.isFile() ? { kind: 'file', ...fileInfo(child.key, stat) } : undefined;
  } catch (error) {
    if (isCode(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

export const directoryItem = (key: string, stat: BigIntStats): ListItem => ({
  kind: 'directory',
  key,
  mtimeMs: Number(stat.mtimeNs) / 1e6,
});

export const fileInfo = (key: string, stat: BigIntStats): ObjectInfo => ({
  key,
  size: Number(stat.size),
  mtimeMs: Number(stat.mtimeNs) / 1e6,
  version: nasVersion(stat),
  mode: Number(stat.mode) & 0o7777,
  uid: Number(stat.uid),
  gid: Number(stat.gid),
});
