/** An origin over a mounted directory. */

import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import { TidecacheError } from '@tidecache/protocol';
import type {
  Capabilities,
  ListItem,
  ListPage,
  ObjectInfo,
  Origin,
  OriginCall,
  ReadCall,
  WriteCall,
} from '../api.js';
import { MAX_PENDING_READS } from '../limits.js';
import { checkDirectoryKey, checkKey } from '../names.js';
import { type RetryTools, realTools, withRetries } from '../retry.js';
import { Directories } from './directory.js';
import { isCode } from './failures.js';
import { Budget, FsGate } from './gate.js';
import { directoryItem, fileInfo, listDirectory } from './list.js';
import { OpenFiles } from './open-files.js';
import { NasReader } from './read.js';
import { NasRoot } from './root.js';
import { NasWriter } from './write.js';

export class NasOrigin implements Origin {
  readonly capabilities: Capabilities = {
    pinnedReads: false,
    atomicRename: true,
    conditionalCreate: true,
    realDirectories: true,
  };
  readonly #tools: RetryTools;
  readonly #gate = new FsGate();
  readonly #root: NasRoot;
  readonly #directories: Directories;
  readonly #files: OpenFiles;
  readonly #reader: NasReader;
  readonly #writer: NasWriter;
  #pendingReads = 0;

  constructor(
    readonly uri: string,
    directory: string,
    tools: RetryTools = realTools,
  ) {
    this.#tools = tools;
    this.#root = new NasRoot(directory, this.#gate);
    this.#directories = new Directories(this.#root, tools.now);
    this.#files = new OpenFiles(tools.now);
    this.#reader = new NasReader(this.#root, this.#gate, this.#files);
    this.#writer = new NasWriter(this.#root, this.#gate);
  }

  check(call: OriginCall): Promise<void> {
    return this.#do(`open ${this.uri}`, call, async (budget) => {
      const real = await this.#root.real(budget);
      await this.#gate.run(budget, () => fs.access(real, constants.R_OK | constants.X_OK));
    });
  }

  async list(
    directory: string,
    call: OriginCall & { after?: string; limit?: number; recursive?: boolean },
  ): Promise<ListPage> {
    const doing = `list ${this.#shown(directory)}`;
    checkDirectoryKey(directory, `cannot ${doing}`);
    return this.#do(doing, call, (budget) =>
      listDirectory(budget, this.#directories, this.#gate, directory, call),
    );
  }

  async stat(key: string, call: OriginCall): Promise<ObjectInfo> {
    const item = await this.#item(`stat ${this.#shown(key)}`, key, call);
    if (item?.kind === 'file') {
      const { kind: _, ...info } = item;
      return info;
    }
    throw new TidecacheError(
      'NOT_FOUND',
      `cannot stat ${this.#shown(key)}: ${item ? 'it is a directory' : 'not there'}`,
    );
  }

  async lookup(key: string, call: OriginCall): Promise<ListItem | undefined> {
    if (key === '') return { kind: 'directory', key: '' };
    return this.#item(`look up ${this.#shown(key)}`, key, call);
  }

  async read(key: string, call: ReadCall): Promise<void> {
    const doing = `read ${this.#shown(key)}`;
    checkKey(key, `cannot ${doing}`);
    if (call.length > call.into.length) {
      throw new TidecacheError(
        'INVALID',
        `cannot ${doing}: ${call.length} bytes into a buffer of ${call.into.length}`,
      );
    }
    if (call.length === 0) return;
    if (this.#pendingReads >= MAX_PENDING_READS) {
      throw new TidecacheError(
        'BUSY',
        `cannot ${doing}: ${MAX_PENDING_READS} reads of this origin are waiting`,
      );
    }
    this.#pendingReads++;
    let done = 0;
    try {
      await this.#do(doing, call, (budget) =>
        this.#reader.read(budget, key, call, done, (bytes) => {
          done = bytes;
          call.onProgress?.(bytes);
        }),
      );
    } finally {
      this.#pendingReads--;
    }
  }

  async write(
    key: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    call: WriteCall,
  ): Promise<ObjectInfo> {
    const doing = `write ${this.#shown(key)}`;
    checkKey(key, `cannot ${doing}`);
    const budget = new Budget(doing, call, this.#tools.now);
    // Not retried: a body comes once.
    await this.#writer.write(budget, key, body, call);
    return this.stat(key, { ...call, deadlineMs: budget.remainingMs });
  }

  async delete(key: string, call: OriginCall): Promise<void> {
    const doing = `delete ${this.#shown(key)}`;
    checkKey(key, `cannot ${doing}`);
    await this.#do(doing, call, (budget) => this.#writer.delete(budget, key));
  }

  async copy(from: string, to: string, call: OriginCall): Promise<ObjectInfo> {
    const doing = `copy ${this.#shown(from)} to ${to}`;
    checkKey(from, `cannot ${doing}`);
    checkKey(to, `cannot ${doing}`);
    const budget = new Budget(doing, call, this.#tools.now);
    await this.#writer.copy(budget, from, to);
    return this.stat(to, { ...call, deadlineMs: budget.remainingMs });
  }

  async rename(from: string, to: string, call: OriginCall): Promise<ObjectInfo> {
    const doing = `rename ${this.#shown(from)} to ${to}`;
    checkKey(from, `cannot ${doing}`);
    checkKey(to, `cannot ${doing}`);
    const budget = new Budget(doing, call, this.#tools.now);
    await this.#writer.rename(budget, from, to);
    return this.stat(to, { ...call, deadlineMs: budget.remainingMs });
  }

  async close(): Promise<void> {
    await this.#files.close();
  }

  async #item(doing: string, key: string, call: OriginCall): Promise<ListItem | undefined> {
    checkKey(key, `cannot ${doing}`);
    return this.#do(doing, call, async (budget) => {
      try {
        const real = await this.#root.resolve(budget, key);
        if (real === undefined) return undefined;
        const stat = await this.#gate.run(budget, () => fs.lstat(real, { bigint: true }));
        if (stat.isDirectory()) return directoryItem(`${key}/`, stat);
        return stat.isFile() ? { kind: 'file', ...fileInfo(key, stat) } : undefined;
      } catch (error) {
        if (isCode(error, 'NOT_FOUND')) return undefined;
        throw error;
      }
    });
  }

  /** A try has all the time there is: on a mount that hangs, a second one would only take a second thread. */
  #do<T>(doing: string, call: OriginCall, run: (budget: Budget) => Promise<T>): Promise<T> {
    return withRetries(doing, call, this.#tools, ({ remainingMs }) =>
      run(new Budget(doing, { ...call, deadlineMs: remainingMs }, this.#tools.now)),
    );
  }

  #shown(key: string): string {
    return `${this.uri.replace(/\/$/, '')}/${key}`;
  }
}
