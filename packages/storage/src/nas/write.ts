/** Changes under a root. A new file is complete, and on disk, before it gets its name. */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { asTidecacheError, TidecacheError } from '@tidecache/protocol';
import type { WriteCall } from '../api.js';
import { NAS_READ_BYTES } from '../limits.js';
import { checkSize, partsOf } from '../object-store/upload.js';
import { isCode } from './failures.js';
import type { Budget, FsGate } from './gate.js';
import { join, type NasRoot, nasVersion, type OpenedDirectory, TEMPORARY_PREFIX } from './root.js';

export class NasWriter {
  constructor(
    readonly root: NasRoot,
    readonly gate: FsGate,
  ) {}

  async write(
    budget: Budget,
    key: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    call: WriteCall,
  ): Promise<void> {
    const parts = ownErrors(checkSize(partsOf(body, NAS_READ_BYTES), call.size, budget.doing), budget);
    await this.#publish(budget, key, call.ifAbsent === true, async (file) => {
      for await (const part of parts) await this.gate.run(budget, () => file.writeFile(part));
    });
  }

  async copy(budget: Budget, from: string, to: string): Promise<void> {
    const source = await this.root.resolve(budget, from);
    if (source === undefined)
      throw new TidecacheError('NOT_FOUND', `cannot ${budget.doing}: ${from} is not there`);
    const { handle, stat } = await this.root.open(budget, source, 'file');
    try {
      await this.#publish(budget, to, false, async (file) => {
        const buffer = Buffer.allocUnsafe(NAS_READ_BYTES);
        for (let at = 0; ; ) {
          const { bytesRead } = await this.gate.run(budget, () => handle.read(buffer, 0, buffer.length, at));
          if (bytesRead === 0) break;
          await this.gate.run(budget, () => file.writeFile(buffer.subarray(0, bytesRead)));
          at += bytesRead;
        }
        const now = await this.gate.run(budget, () => handle.stat({ bigint: true }));
        if (nasVersion(now) !== nasVersion(stat)) {
          throw new TidecacheError('STALE', `cannot ${budget.doing}: ${from} changed while it was copied`);
        }
      });
    } finally {
      void handle.close().catch(() => undefined);
    }
  }

  async rename(budget: Budget, from: string, to: string): Promise<void> {
    await this.#inParent(budget, from, false, (source, oldName) =>
      this.#inParent(budget, to, true, async (target, newName) => {
        await this.gate.run(budget, () => fs.rename(join(source.path, oldName), join(target.path, newName)));
        await this.gate.run(budget, () => target.handle.sync());
        await this.gate.run(budget, () => source.handle.sync());
      }),
    );
  }

  async delete(budget: Budget, key: string): Promise<void> {
    try {
      await this.#inParent(budget, key, false, async (parent, name) => {
        const path = join(parent.path, name);
        const stat = await this.gate.run(budget, () => fs.lstat(path));
        if (stat.isDirectory())
          throw new TidecacheError('IS_A_DIRECTORY', `cannot ${budget.doing}: it is a directory`);
        await this.gate.run(budget, () => fs.unlink(path));
        await this.gate.run(budget, () => parent.handle.sync());
      });
    } catch (error) {
      if (!isCode(error, 'NOT_FOUND')) throw error;
    }
  }

  /** Fills a file under another name, and gives it its own when it is complete and on disk. */
  #publish(
    budget: Budget,
    key: string,
    ifAbsent: boolean,
    fill: (file: fs.FileHandle) => Promise<void>,
  ): Promise<void> {
    return this.#inParent(budget, key, true, async (parent, name) => {
      const target = join(parent.path, name);
      if (ifAbsent) await this.#refuseExisting(budget, target);
      const temporaryName = `${TEMPORARY_PREFIX}${randomBytes(8).toString('hex')}`;
      const temporary = join(parent.path, temporaryName);
      const file = await this.root.create(budget, parent, temporaryName);
      try {
        try {
          await fill(file);
          await this.gate.run(budget, () => file.sync());
        } finally {
          await this.gate.run(budget, () => file.close());
        }
        // A link fails where a rename would replace.
        await this.gate.run(budget, () => (ifAbsent ? fs.link : fs.rename)(temporary, target));
        if (ifAbsent) await this.gate.run(budget, () => fs.unlink(temporary));
      } catch (error) {
        await fs.unlink(temporary).catch(() => undefined);
        throw error;
      }
      // A name is on disk when its directory is.
      await this.gate.run(budget, () => parent.handle.sync());
    });
  }

  async #refuseExisting(budget: Budget, path: string): Promise<void> {
    const there = await this.gate
      .run(budget, () => fs.lstat(path))
      .catch((error: unknown) => {
        if (isCode(error, 'NOT_FOUND')) return undefined;
        throw error;
      });
    if (there) throw new TidecacheError('ALREADY_EXISTS', `cannot ${budget.doing}: the key is there`);
  }

  /** Runs with the opened directory that holds `key`, made if it may be, and the key's last name. */
  async #inParent<T>(
    budget: Budget,
    key: string,
    make: boolean,
    run: (parent: OpenedDirectory, name: string) => Promise<T>,
  ): Promise<T> {
    const names = key.split('/');
    if (names.some((part) => part.startsWith(TEMPORARY_PREFIX))) {
      throw new TidecacheError('INVALID', `cannot ${budget.doing}: names with ${TEMPORARY_PREFIX} are taken`);
    }
    const name = names.pop() ?? '';
    const directory = names.join('/');
    if (make) await this.#makeDirectories(budget, names);
    const parent = await this.root.openDirectory(budget, directory);
    if (!parent) throw noDirectory(budget, directory);
    try {
      return await run(parent, name);
    } finally {
      void parent.handle.close().catch(() => undefined);
    }
  }

  /** From the first that is absent on. */
  async #makeDirectories(budget: Budget, names: readonly string[]): Promise<void> {
    let there = names.length;
    while (there > 0 && (await this.root.resolve(budget, names.slice(0, there).join('/'))) === undefined)
      there--;
    for (; there < names.length; there++) {
      const above = names.slice(0, there).join('/');
      const parent = await this.root.openDirectory(budget, above);
      if (!parent) throw noDirectory(budget, above);
      try {
        await this.gate
          .run(budget, () => fs.mkdir(join(parent.path, names[there] ?? '')))
          .catch((error: unknown) => {
            if (!isCode(error, 'ALREADY_EXISTS')) throw error;
          });
        await this.gate.run(budget, () => parent.handle.sync());
      } finally {
        void parent.handle.close().catch(() => undefined);
      }
    }
  }
}

async function* ownErrors(parts: AsyncGenerator<Uint8Array>, budget: Budget): AsyncGenerator<Uint8Array> {
  try {
    yield* parts;
  } catch (error) {
    throw asTidecacheError(error, 'INVALID', `cannot ${budget.doing}: its body failed`);
  }
}

const noDirectory = (budget: Budget, key: string) =>
  new TidecacheError('NOT_FOUND', `cannot ${budget.doing}: no directory ${key} in the root`);
