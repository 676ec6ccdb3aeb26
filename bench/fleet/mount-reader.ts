/**
 * Reads one file through many mounts at the same moment, byte for byte against what it should be. One process for all
 * of them: a thread of its pool blocks in each read, and comparing costs little, so that the readers take next to
 * nothing of the machine. Start it with UV_THREADPOOL_SIZE of at least the number of mounts.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { expectedBytes, type FleetFile } from './file.js';
import { serveRaces } from './race.js';

export interface MountTask {
  readonly file: FleetFile;
  readonly paths: readonly string[];
}

/** Seconds from the start to the last byte, for each path. */
export type RaceSeconds = number[];

const READ_BYTES = 1 << 20;

await serveRaces<MountTask, RaceSeconds>(async ({ file, paths }) => {
  const expected = expectedBytes(file);
  const buffers = paths.map(() => Buffer.allocUnsafe(READ_BYTES));
  return async () => {
    const startedAt = performance.now();
    return Promise.all(
      paths.map(async (path, i) => {
        const handle = await open(path);
        try {
          await compare(handle, buffers[i]!, expected, path);
        } finally {
          await handle.close();
        }
        return (performance.now() - startedAt) / 1000;
      }),
    );
  };
});

async function compare(handle: FileHandle, buffer: Buffer, expected: Buffer, path: string): Promise<void> {
  let at = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) break;
    if (at + bytesRead > expected.length || expected.compare(buffer, 0, bytesRead, at, at + bytesRead) !== 0)
      throw new Error(`wrong bytes within ${bytesRead} from ${at} of ${path}`);
    at += bytesRead;
  }
  if (at !== expected.length) throw new Error(`${path} ends after ${at} of ${expected.length} bytes`);
}
