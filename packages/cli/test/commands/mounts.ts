/** What the tests of mounts share. */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { isFuseMount, unmountLeftover } from '../../src/leftover-mount.js';
import type { Description } from '../../src/local-cluster.js';
import { invoke, isAlive, start, tempDir } from '../testing.js';

function whyNot(): string | false {
  try {
    closeSync(openSync('/dev/fuse', 'r+'));
    return process.getuid?.() === 0 ? false : 'the kernel transport needs root';
  } catch (error) {
    return `no mounts here: ${(error as Error).message}`;
  }
}
/** Why nothing can be mounted here, or false. */
export const skip = whyNot();

export const isMounted = (path: string) => isFuseMount(path, readFileSync('/proc/self/mountinfo', 'utf8'));

/** An empty directory, unmounted and removed when the test ends. */
export function mountPointIn(t: Test): string {
  const path = join(tempDir(t), 'mnt');
  mkdirSync(path);
  t.teardown(() => unmountLeftover(path));
  return path;
}

export const LOCAL = [
  '--listen',
  '127.0.0.1:0',
  '--http',
  '127.0.0.1:0',
  '--workers',
  '1',
  '--memory',
  '64MiB',
];

/** `up` with one worker, and the way to give it a dataset `/prices` with a file `a.csv`. */
export async function startCluster(t: Test, more: readonly string[] = []) {
  const dataDir = tempDir(t);
  const up = start(t, ['up', ...LOCAL, '--data-dir', dataDir, '--json', ...more]);
  const ready = (await up.ready) as unknown as Description;
  const origin = tempDir(t);
  writeFileSync(join(origin, 'a.csv'), 'day,close\n');
  const add = () =>
    invoke([
      'dataset',
      'add',
      '/prices',
      `nas://${origin}`,
      '--api',
      ready.master.http,
      '--data-dir',
      dataDir,
    ]);
  const pids = [ready.master.pid, ready.workers[0]?.pid, ready.mount?.pid].filter((pid) => pid !== undefined);
  t.teardown(() => {
    for (const pid of pids.filter(isAlive)) process.kill(pid, 'SIGKILL');
  });
  return { up, ready, pids, add, dataDir };
}

export function hasFile(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}
