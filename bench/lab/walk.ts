/**
 * One thread that takes every file of a tree in random order, as a training job or a back-test does: `walk MODE DIR
 * DIRS FILES SEED`, MODE being `read` (open, read whole, close) or `stat`. Prints one line of JSON, {@link Walk}. A
 * process of its own: a call into a mount must not block the process that the bench runs in.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { seededRandom } from '@tidecache/test';
import { percentile } from './figures.js';
import { dirName, fileName } from './origin/spec.js';

/** Larger than any file it is given. */
const BUFFER_BYTES = 1 << 20;

export interface Walk {
  readonly files: number;
  readonly seconds: number;
  /** Of one file each. */
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** Of all bytes read, whatever the order. */
  readonly checksum: number;
}

const [mode, root, dirs, files, seed] = process.argv.slice(2);
const paths = pathsOf(root!, Number(dirs), Number(files));
shuffle(paths, seededRandom(Number(seed)));
const buffer = Buffer.alloc(BUFFER_BYTES);
const took = new Float64Array(paths.length);
let checksum = 0;
const startedAt = performance.now();
for (let i = 0; i < paths.length; i++) {
  const at = performance.now();
  if (mode === 'stat') statSync(paths[i]!);
  else checksum = (checksum + readWhole(paths[i]!)) >>> 0;
  took[i] = (performance.now() - at) * 1000;
}
const walk: Walk = {
  files: paths.length,
  seconds: (performance.now() - startedAt) / 1000,
  p50Us: percentile([...took], 0.5),
  p99Us: percentile([...took], 0.99),
  maxUs: percentile([...took], 1),
  checksum,
};
console.log(JSON.stringify(walk));

function readWhole(path: string): number {
  const fd = openSync(path, 'r');
  const bytes = readSync(fd, buffer, 0, BUFFER_BYTES, 0);
  closeSync(fd);
  return crc32(buffer.subarray(0, bytes));
}

function pathsOf(dir: string, folders: number, count: number): string[] {
  const under = folders === 0 ? [dir] : Array.from({ length: folders }, (_, i) => `${dir}/${dirName(i)}`);
  return under.flatMap((folder) => Array.from({ length: count }, (_, i) => `${folder}/${fileName(i)}`));
}

/** Fisher and Yates'. */
function shuffle<T>(values: T[], random: () => number): void {
  for (let i = values.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [values[i], values[j]] = [values[j]!, values[i]!];
  }
}
