/**
 * The directory that a dataset may not leave. Keys become real paths here, and descriptors are opened here, so that no
 * symlink leads out, not even one that is swapped in between.
 */
import { type BigIntStats, constants, existsSync, realpath as realpathCallback } from 'node:fs';
import * as fs from 'node:fs/promises';
import { promisify } from 'node:util';
import { TidecacheError } from '@tidecache/protocol';
import { isCode } from './failures.js';
import type { Budget, FsGate } from './gate.js';

const realpath = promisify(realpathCallback.native);

/** Names that writes in progress have in their directory. Not part of the tree. */
export const TEMPORARY_PREFIX = '.tidecache-tmp-';

/** A descriptor on something inside the root. Whoever has it closes it. */
export interface Opened {
  readonly handle: fs.FileHandle;
  readonly stat: BigIntStats;
}

/** A directory that was opened inside the root. */
export interface OpenedDirectory {
  readonly handle: fs.FileHandle;
  readonly real: string;
  /** What is done below this path is done in the directory that was opened, wherever its name leads by now. */
  readonly path: string;
}

/** Linux has paths to descriptors; elsewhere a window between looking and doing stays open. */
const HAS_PROC = existsSync('/proc/self/fd');

export class NasRoot {
  #real: string | undefined;

  constructor(
    readonly directory: string,
    readonly gate: FsGate,
  ) {}

  /** The root's real path, found once. */
  async real(budget: Budget): Promise<string> {
    if (this.#real !== undefined) return this.#real;
    try {
      const real = await this.gate.run(budget, () => realpath(this.directory));
      const stat = await this.gate.run(budget, () => fs.stat(real));
      if (!stat.isDirectory())
        throw new TidecacheError('NOT_A_DIRECTORY', `${this.directory} is no directory`);
      this.#real = real;
      return real;
    } catch (error) {
      if (!isCode(error, 'NOT_FOUND')) throw error;
      throw new TidecacheError(
        'NOT_FOUND',
        `cannot ${budget.doing}: the directory ${this.directory} does not exist on this host (mount the NAS there)`,
        { cause: error },
      );
    }
  }

  /**
   * Where `key` (no trailing slash, '' for the root) really is; undefined when it is in no tree: absent, outside the root,
   * or reached by a symlink to a directory above itself, which would make the tree endless.
   */
  async resolve(budget: Budget, key: string): Promise<string | undefined> {
    const root = await this.real(budget);
    if (key === '') return root;
    const names = key.split('/');
    if (names.some((name) => name.startsWith(TEMPORARY_PREFIX))) return undefined;
    const plain = join(root, key);
    const real = await this.#realpath(budget, plain);
    // Without symlinks there is nothing to look at.
    if (real === plain || real === undefined) return real;
    const passed = new Set<string>([root]);
    let visible = root;
    for (const name of names) {
      visible = join(visible, name);
      const step = visible === plain ? real : await this.#realpath(budget, visible);
      if (step === undefined || !this.isInside(root, step) || passed.has(step)) return undefined;
      passed.add(step);
    }
    return real;
  }

  async #realpath(budget: Budget, path: string): Promise<string | undefined> {
    try {
      return await this.gate.run(budget, () => realpath(path));
    } catch (error) {
      if (isCode(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }

  isInside(root: string, path: string): boolean {
    return path === root || path.startsWith(root === '/' ? '/' : `${root}/`);
  }

  /**
   * Opens a real path and makes sure that what was opened lies inside the root. `kind` 'file' opens regular files alone:
   * a FIFO or device is not opened, and if it takes a file's place meanwhile, O_NONBLOCK keeps the open from blocking.
   * NOT_FOUND when it is something else, or elsewhere.
   */
  async open(budget: Budget, real: string, kind: 'file' | 'directory'): Promise<Opened> {
    const root = await this.real(budget);
    const before = await this.gate.run(budget, () => fs.lstat(real));
    if (!(kind === 'file' ? before.isFile() : before.isDirectory()))
      throw notThere(budget, `it is no ${kind}`);
    const flags =
      constants.O_RDONLY |
      constants.O_NONBLOCK |
      constants.O_NOFOLLOW |
      (kind === 'directory' ? constants.O_DIRECTORY : 0);
    const handle = await this.#openHandle(budget, real, flags);
    try {
      const stat = await this.gate.run(budget, () => handle.stat({ bigint: true }));
      if (!(kind === 'file' ? stat.isFile() : stat.isDirectory())) throw notThere(budget, `it is no ${kind}`);
      await this.#verify(budget, root, real, handle, stat);
      return { handle, stat };
    } catch (error) {
      void handle.close().catch(() => undefined);
      throw error;
    }
  }

  /** Opens a new file for writing in an opened directory. */
  create(budget: Budget, parent: OpenedDirectory, name: string): Promise<fs.FileHandle> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    return this.#openHandle(budget, join(parent.path, name), flags);
  }

  /** Opens the directory of `key` ('' for the root); undefined when it is not in the tree. Whoever has it closes it. */
  async openDirectory(budget: Budget, key: string): Promise<OpenedDirectory | undefined> {
    const real = await this.resolve(budget, key);
    if (real === undefined) return undefined;
    const { handle } = await this.open(budget, real, 'directory');
    return { handle, real, path: HAS_PROC ? descriptorPath(handle) : real };
  }

  #openHandle(budget: Budget, real: string, flags: number): Promise<fs.FileHandle> {
    return this.gate.run(
      budget,
      () => fs.open(real, flags, 0o666),
      (late) => void late.close().catch(() => undefined),
    );
  }

  /** Between resolving and opening, a directory on the way may have become a symlink. */
  async #verify(
    budget: Budget,
    root: string,
    real: string,
    handle: fs.FileHandle,
    stat: BigIntStats,
  ): Promise<void> {
    const opened = await this.gate.run(budget, async () => {
      if (HAS_PROC) return fs.readlink(descriptorPath(handle));
      // That the path, resolved again, is the same file is the next best evidence.
      const again = await realpath(real);
      const { ino, dev } = await fs.lstat(again, { bigint: true });
      return ino === stat.ino && dev === stat.dev ? again : '';
    });
    if (!this.isInside(root, opened)) throw notThere(budget, 'it left the root while it was opened');
  }
}

/** A path that leads to an open descriptor's own file, whatever its name is by now. */
const descriptorPath = (handle: fs.FileHandle): string => `/proc/self/fd/${handle.fd}`;

export const join = (directory: string, name: string): string =>
  directory === '/' ? `/${name}` : `${directory}/${name}`;

/** Names content: another inode, size or time of change is another version. */
export const nasVersion = (stat: BigIntStats): string => `${stat.ino}-${stat.size}-${stat.mtimeNs}`;

const notThere = (budget: Budget, why: string) =>
  new TidecacheError('NOT_FOUND', `cannot ${budget.doing}: ${why}`);
