/** Races over the mounts of a cluster: all clients start together on one file, and each checks its bytes. */
import { fileURLToPath } from 'node:url';
import { dropPageCache, type Scratch } from '@tidecache/test';
import { inBatches } from '../lab/batches.js';
import { type FleetMount, pathIn } from './cluster.js';
import type { FleetFile } from './file.js';
import type { MountTask, RaceSeconds } from './mount-reader.js';
import { Racer } from './racer.js';

const READER = fileURLToPath(new URL('./mount-reader.js', import.meta.url));
/** Many times what any race takes. */
const RACE_MS = 10 * 60_000;
/** Those of the thread pool that do not block in reads. */
const SPARE_THREADS = 4;
const DROPS_AT_ONCE = 4;
const PRACTISE_AT_ONCE = 20;

export class MountReaders {
  readonly #racer: Racer;

  private constructor(racer: Racer) {
    this.#racer = racer;
  }

  /** For races of `clients` mounts at most. */
  static async start(scratch: Scratch, clients: number): Promise<MountReaders> {
    const env = { UV_THREADPOOL_SIZE: String(clients + SPARE_THREADS) };
    const racer = await Racer.start({
      name: 'mount readers',
      command: process.execPath,
      args: [READER],
      env,
    });
    scratch.defer('mount readers', () => racer.stop());
    return new MountReaders(racer);
  }

  /** What `watch` returns at the start is called at the end. The mounts' page caches are dropped afterwards. */
  async race<T>(
    file: FleetFile,
    mounts: readonly FleetMount[],
    watch: () => () => T,
  ): Promise<{ seconds: RaceSeconds; watched: T }> {
    const paths = mounts.map((mount) => pathIn(mount, file));
    const task: MountTask = { file, paths };
    await this.#racer.prepare(task);
    const stop = watch();
    let watched: T | undefined;
    const seconds = await this.#racer.go<RaceSeconds>(RACE_MS).finally(() => {
      watched = stop();
    });
    await inBatches(DROPS_AT_ONCE, paths, dropPageCache);
    return { seconds, watched: watched! };
  }

  /** Reads a file once, so that the workers hold it. */
  async warm(file: FleetFile, mount: FleetMount): Promise<void> {
    await this.race(file, [mount], () => () => undefined);
  }

  /**
   * Reads a file of its own through every mount, a few at a time: a process that has just started spends its first
   * megabytes compiling itself, and a hundred that do so at once measure that.
   */
  async practise(file: FleetFile, mounts: readonly FleetMount[]): Promise<void> {
    for (let i = 0; i < mounts.length; i += PRACTISE_AT_ONCE)
      await this.race(file, mounts.slice(i, i + PRACTISE_AT_ONCE), () => () => undefined);
  }
}
