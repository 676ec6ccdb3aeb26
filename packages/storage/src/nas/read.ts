/**
 * Reads a range of one version. Each piece is read into a buffer of our own, then the file is looked at again, and
 * only then are the bytes copied out: `into` never holds a byte of another version, and a read that hung and is
 * abandoned can't write into memory that by then is something else's.
 */
import * as fs from 'node:fs/promises';
import { TidecacheError } from '@tidecache/protocol';
import type { ReadCall } from '../api.js';
import { MAX_FS_CALLS, NAS_READ_BYTES } from '../limits.js';
import { isCode } from './failures.js';
import type { Budget, FsGate } from './gate.js';
import type { Lease, OpenFiles } from './open-files.js';
import { join, type NasRoot, nasVersion } from './root.js';

export class NasReader {
  readonly #spare: Buffer[] = [];

  constructor(
    readonly root: NasRoot,
    readonly gate: FsGate,
    readonly files: OpenFiles,
  ) {}

  /** Goes on at `done`, and gives how far it came to `onBytes`, from the range's start. */
  async read(
    budget: Budget,
    key: string,
    call: ReadCall,
    done: number,
    onBytes: (bytes: number) => void,
  ): Promise<void> {
    const lease = await this.#lease(budget, key, call.version);
    try {
      for (let at = done; at < call.length; ) {
        at += await this.#piece(budget, lease, call, at);
        onBytes(at);
      }
    } catch (error) {
      lease.retire();
      throw error;
    } finally {
      lease.release();
    }
  }

  async #lease(budget: Budget, key: string, version: string): Promise<Lease> {
    const lease = await this.files.lease(`${version}/${key}`, () => this.#open(budget, key, version));
    if (!lease.reused) return lease;
    try {
      const path = join(await this.root.real(budget), key);
      const now = await this.gate.run(budget, () => fs.stat(path, { bigint: true }));
      if (nasVersion(now) !== version) throw stale(budget, `it is ${nasVersion(now)} by now, not ${version}`);
      return lease;
    } catch (error) {
      lease.retire();
      lease.release();
      throw isCode(error, 'NOT_FOUND') ? stale(budget, 'it was deleted') : error;
    }
  }

  async #open(budget: Budget, key: string, version: string): Promise<fs.FileHandle> {
    const real = await this.root.resolve(budget, key);
    if (real === undefined) throw stale(budget, 'it was deleted');
    const { handle, stat } = await this.root.open(budget, real, 'file').catch((error: unknown) => {
      throw isCode(error, 'NOT_FOUND') ? stale(budget, 'it was deleted') : error;
    });
    if (nasVersion(stat) === version) return handle;
    void handle.close().catch(() => undefined);
    throw stale(budget, `it is ${nasVersion(stat)} by now, not ${version}`);
  }

  async #piece(budget: Budget, lease: Lease, call: ReadCall, at: number): Promise<number> {
    const buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(NAS_READ_BYTES);
    const length = Math.min(NAS_READ_BYTES, call.length - at);
    const { bytesRead, version } = await this.gate.run(budget, async () => {
      try {
        const read = await lease.handle.read(buffer, 0, length, call.offset + at);
        return { ...read, version: nasVersion(await lease.handle.stat({ bigint: true })) };
      } catch (error) {
        this.#giveBack(buffer);
        throw error;
      }
    });
    try {
      if (version !== call.version) throw stale(budget, `it is ${version} by now, not ${call.version}`);
      if (bytesRead === 0) {
        throw new TidecacheError(
          'CORRUPT',
          `cannot ${budget.doing}: it ends at ${call.offset + at}, though its size says more`,
        );
      }
      call.into.set(buffer.subarray(0, bytesRead), at);
      return bytesRead;
    } finally {
      this.#giveBack(buffer);
    }
  }

  #giveBack(buffer: Buffer): void {
    if (this.#spare.length < MAX_FS_CALLS) this.#spare.push(buffer);
  }
}

const stale = (budget: Budget, why: string) => new TidecacheError('STALE', `cannot ${budget.doing}: ${why}`);
