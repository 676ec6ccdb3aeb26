/** Runs `walk` and the system's own `ls` and `find` over a tree, and drops what the kernel knows of it before. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { run } from '@tidecache/test';
import { measured, type Run } from './cpu.js';
import type { Walk } from './walk.js';

const WALK = fileURLToPath(new URL('./walk.js', import.meta.url));
const DEADLINE_MS = 300_000;

export interface TreeShape {
  readonly dirs: number;
  readonly files: number;
}

export async function walk(mode: 'read' | 'stat', dir: string, shape: TreeShape, seed: number) {
  const args = [WALK, mode, dir, String(shape.dirs), String(shape.files), String(seed)];
  let printed = '';
  const cost = await measured(async () => {
    printed = await run(process.execPath, args, { deadlineMs: DEADLINE_MS });
  });
  return { ...(JSON.parse(printed) as Walk), cpuSeconds: cost.cpuSeconds };
}

/** `ls -l` of one directory; rejects when it has not `entries`. */
export function listed(dir: string, entries: number): Promise<Run> {
  return counted(`ls -l "$1" | wc -l`, dir, entries + 1); // and the line with the total
}

/** `find` over a tree of `entries`, the root included. */
export function found(dir: string, entries: number): Promise<Run> {
  return counted(`find "$1" | wc -l`, dir, entries);
}

async function counted(script: string, dir: string, wanted: number): Promise<Run> {
  let printed = '';
  const cost = await measured(async () => {
    printed = await run('sh', ['-c', script, 'sh', dir], { env: { LC_ALL: 'C' }, deadlineMs: DEADLINE_MS });
  });
  if (Number(printed) !== wanted) throw new Error(`${script} of ${dir}: ${printed.trim()}, not ${wanted}`);
  return cost;
}

/** Pages, names and inodes of the whole machine. Needs root. */
export const dropKernelCaches = (): Promise<void> => writeFile('/proc/sys/vm/drop_caches', '3');
