/** Changes under a root. A new file is complete, and on disk, before it gets its name. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import { asTidecacheError, TidecacheError } from '@tidecache/protocol';
import type { WriteCall } from '../api.js';
import { NAS_READ_BYTES } from '../limits.js';
import { checkSize, partsOf } from '../object-store/upload.js';
import { isCode } from './failures.js';
import type { Budget, FsGate } from './gate.js';
import { join, type NasRoot, nasVersion, TEMPORARY_PREFIX } from './root.js';

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
    const { parent, name } = await this.#place(budget, key, true);
    if (call.ifAbsent) await this.#refuseExisting(budget, join(parent, name));
    await this.#publish(budget, parent, name, call.ifAbsent === true, async (temporary) => {
      const file = await this.root.create(budget, temporary);
      try {
        for await (const part of ownErrors(
          checkSize(partsOf(body, NAS_READ_BYTES), call.size, budget.doing),
          budget,
        )) {
          await this.gate.run(budget, () => file.writeFile(part));
        }
        await this.gate.run(budget, () => file.sync());
      } finally {
        await this.gate.run(budget, () => file.close());
      }
    });
  }

  async copy(budget: Budget, from: string, to: string): Promise<void> {
    const source = await this.root.resolve(budget, from);
    if (source === undefined)
      throw new TidecacheError('NOT_FOUND', `cannot ${budget.doing}: ${from} is not there`);
    const opened = await this.root.open(budget, source, 'file');
    try {
      const { parent, name } = await this.#place(budget, to, true);
      await this.#publish(budget, parent, name, false, async (temporary) => {
        const target = await this.root.create(budget, temporary);
        try {
          const buffer = Buffer.allocUnsafe(NAS_READ_BYTES);
          for (let at = 0; ; ) {
            const { bytesRead } = await this.gate.run(budget, () =>
              opened.handle.read(buffer, 0, buffer.length, at),
            );
            if (bytesRead === 0) break;
            await this.gate.run(budget, () => target.writeFile(buffer.subarray(0, bytesRead)));
            at += bytesRead;
          }
          const now = await this.gate.run(budget, () => opened.handle.stat({ bigint: true }));
          if (nasVersion(now) !== nasVersion(opened.stat)) {
            throw new TidecacheError('STALE', `cannot ${budget.doing}: ${from} changed while it was copied`);
          }
          await this.gate.run(budget, () => target.sync());
        } finally {
          await this.gate.run(budget, () => target.close());
        }
      });
    } finally {
      void opened.handle.close().catch(() => undefined);
    }
  }

  async rename(budget: Budget, from: string, to: string): Promise<void> {
    const source = await this.#place(budget, from, false);
    const target = await this.#place(budget, to, true);
    await this.gate.run(budget, () =>
      fs.rename(join(source.parent, source.name), join(target.parent, target.name)),
    );
    await this.#syncDirectory(budget, target.parent);
    if (source.parent !== target.parent) await this.#syncDirectory(budget, source.parent);
  }

  async delete(budget: Budget, key: string): Promise<void> {
    try {
      const { parent, name } = await this.#place(budget, key, false);
      const stat = await this.gate.run(budget, () => fs.lstat(join(parent, name)));
      if (stat.isDirectory())
        throw new TidecacheError('IS_A_DIRECTORY', `cannot ${budget.doing}: it is a directory`);
      await this.gate.run(budget, () => fs.unlink(join(parent, name)));
      await this.#syncDirectory(budget, parent);
    } catch (error) {
      if (!isCode(error, 'NOT_FOUND')) throw error;
    }
  }

  /** The real directory that holds `key`, made if it may be, and the key's last name. */
  async #place(budget: Budget, key: string, make: boolean): Promise<{ parent: string; name: string }> {
    const names = key.split('/');
    if (names.some((part) => part.startsWith(TEMPORARY_PREFIX))) {
      throw new TidecacheError('INVALID', `cannot ${budget.doing}: names with ${TEMPORARY_PREFIX} are taken`);
    }
    const name = names.pop() ?? '';
    let visible = '';
    let parent = await this.root.real(budget);
    for (const part of names) {
      visible = visible === '' ? part : `${visible}/${part}`;
      const path = join(parent, part);
      if (make) {
        await this.gate
          .run(budget, () => fs.mkdir(path))
          .catch((error: unknown) => {
            if (!isCode(error, 'ALREADY_EXISTS')) throw error;
          });
      }
      const real = await this.root.resolve(budget, visible);
      if (real === undefined)
        throw new TidecacheError('NOT_FOUND', `cannot ${budget.doing}: no directory ${visible} in the root`);
      parent = real;
    }
    return { parent, name };
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

  async #publish(
    budget: Budget,
    parent: string,
    name: string,
    ifAbsent: boolean,
    fill: (temporary: string) => Promise<void>,
  ): Promise<void> {
    const temporary = join(parent, `${TEMPORARY_PREFIX}${randomBytes(8).toString('hex')}`);
    const target = join(parent, name);
    try {
      await fill(temporary);
      // A link fails where a rename would replace.
      if (ifAbsent) await this.gate.run(budget, () => fs.link(temporary, target));
      else await this.gate.run(budget, () => fs.rename(temporary, target));
    } catch (error) {
      void fs.unlink(temporary).catch(() => undefined);
      throw error;
    }
    if (ifAbsent) await this.gate.run(budget, () => fs.unlink(temporary));
    await this.#syncDirectory(budget, parent);
  }

  /** A name is on disk when its directory is. */
  async #syncDirectory(budget: Budget, path: string): Promise<void> {
    await this.gate.run(budget, async () => {
      const directory = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    });
  }
}

async function* ownErrors(parts: AsyncGenerator<Uint8Array>, budget: Budget): AsyncGenerator<Uint8Array> {
  try {
    yield* parts;
  } catch (error) {
    throw asTidecacheError(error, 'INVALID', `cannot ${budget.doing}: its body failed`);
  }
}
