/** A directory's names in order, kept for a while so that the next page needs no second reading. */
import { isUtf8 } from 'node:buffer';
import type { Dirent } from 'node:fs';
import * as fs from 'node:fs/promises';
import { TidecacheError } from '@tidecache/protocol';
import type { SkipReason } from '../api.js';
import { MAX_DIRECTORY_SNAPSHOTS, SNAPSHOT_IDLE_MS } from '../limits.js';
import { childProblem, compareKeys, SkipCount } from '../names.js';
import { isCode } from './failures.js';
import type { Budget } from './gate.js';
import { join, type NasRoot, TEMPORARY_PREFIX } from './root.js';

export interface Child {
  /** Relative to the dataset's root; a directory's with its slash. */
  readonly key: string;
  /** What it really is; a symlink's target. */
  readonly real: string;
}

export interface Snapshot {
  readonly children: readonly Child[];
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
}

export class Directories {
  readonly #kept = new Map<string, { readonly snapshot: Snapshot; readonly readAtMs: number }>();

  constructor(
    readonly root: NasRoot,
    readonly now: () => number,
  ) {}

  /** `fresh` reads it now; else one read not long ago will do. */
  async snapshot(budget: Budget, directory: string, fresh: boolean): Promise<Snapshot> {
    const kept = this.#kept.get(directory);
    if (kept && !fresh && this.now() - kept.readAtMs < SNAPSHOT_IDLE_MS) return kept.snapshot;
    const readAtMs = this.now();
    const snapshot = await this.#read(budget, directory);
    this.#kept.delete(directory);
    this.#kept.set(directory, { snapshot, readAtMs });
    for (const [oldest, { readAtMs: since }] of this.#kept) {
      const old = this.now() - since >= SNAPSHOT_IDLE_MS;
      if (old || this.#kept.size > MAX_DIRECTORY_SNAPSHOTS) this.#kept.delete(oldest);
    }
    return snapshot;
  }

  async #read(budget: Budget, directory: string): Promise<Snapshot> {
    const opened = await this.root.openDirectory(budget, directory.replace(/\/$/, ''));
    if (!opened) throw absent(budget);
    try {
      const options = { withFileTypes: true, encoding: 'buffer' } as const;
      const entries = await this.root.gate.run(budget, () => fs.readdir(opened.path, options));
      return await this.#snapshotOf(budget, directory, opened.real, entries);
    } finally {
      void opened.handle.close().catch(() => undefined);
    }
  }

  async #snapshotOf(
    budget: Budget,
    directory: string,
    real: string,
    entries: readonly Dirent<Buffer>[],
  ): Promise<Snapshot> {
    const skipped = new SkipCount();
    const found = await Promise.all(entries.map((entry) => this.#child(budget, directory, real, entry)));
    const children: Child[] = [];
    for (const child of found) {
      if (typeof child === 'string') skipped.add(child);
      else if (child) children.push(child);
    }
    children.sort((a, b) => compareKeys(a.key, b.key));
    return { children, skipped: skipped.counts };
  }

  /** A child, why it is none, or undefined when it is not to be mentioned. */
  #child(
    budget: Budget,
    directory: string,
    parent: string,
    entry: Dirent<Buffer>,
  ): Child | SkipReason | undefined | Promise<Child | SkipReason | undefined> {
    if (!isUtf8(entry.name)) return 'not-utf8';
    const name = entry.name.toString('utf8');
    if (name.startsWith(TEMPORARY_PREFIX)) return undefined;
    const key = directory + name;
    // U+FFFD is a character here like any other: the bytes are at hand and were valid.
    const reason = childProblem(name.replaceAll('\uFFFD', '\u2588'), key);
    if (reason) return reason;
    if (entry.isFile()) return { key, real: join(parent, name) };
    if (entry.isDirectory()) return { key: `${key}/`, real: join(parent, name) };
    if (entry.isSymbolicLink()) return this.#target(budget, key);
    // Some network file systems don't tell the type here.
    const unknown = !(
      entry.isFIFO() ||
      entry.isSocket() ||
      entry.isCharacterDevice() ||
      entry.isBlockDevice()
    );
    return unknown ? this.#target(budget, key) : 'special-file';
  }

  async #target(budget: Budget, key: string): Promise<Child | SkipReason | undefined> {
    const real = await this.root.resolve(budget, key);
    if (real === undefined) return 'escapes-root';
    try {
      const stat = await this.root.gate.run(budget, () => fs.lstat(real));
      if (stat.isFile()) return { key, real };
      return stat.isDirectory() ? { key: `${key}/`, real } : 'special-file';
    } catch (error) {
      if (isCode(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }
}

const absent = (budget: Budget) =>
  new TidecacheError('NOT_FOUND', `cannot ${budget.doing}: there is no such directory in the root`);
