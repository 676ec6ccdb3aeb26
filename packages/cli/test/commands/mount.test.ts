/** Mounts as people make them. Skipped, with the reason, where there is no /dev/fuse that may be opened. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, t } from 'tap';
import { isFuseMount, unmountLeftover } from '../../src/leftover-mount.js';
import type { Description } from '../../src/local-cluster.js';
import { invoke, isAlive, runProcess, start, tempDir, until } from '../testing.js';

function whyNot(): string | false {
  try {
    closeSync(openSync('/dev/fuse', 'r+'));
    return process.getuid?.() === 0 ? false : 'the kernel transport needs root';
  } catch (error) {
    return `no mounts here: ${(error as Error).message}`;
  }
}
const skip = whyNot();

const isMounted = (path: string) => isFuseMount(path, readFileSync('/proc/self/mountinfo', 'utf8'));

function mountPointIn(t: Test): string {
  const path = join(tempDir(t), 'mnt');
  mkdirSync(path);
  t.teardown(() => unmountLeftover(path));
  return path;
}

const LOCAL = ['--listen', '127.0.0.1:0', '--http', '127.0.0.1:0', '--workers', '1', '--memory', '64MiB'];

async function startCluster(t: Test, more: readonly string[] = []) {
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
  return { up, ready, add, dataDir };
}

t.test('up --mount: a dataset shows in it, and the end unmounts', { skip }, async (t) => {
  const on = mountPointIn(t);
  const { up, ready, add } = await startCluster(t, ['--mount', on]);
  t.ok(isMounted(on));
  t.equal(ready.mount?.on, on);
  t.match(await add(), { status: 0 });
  await until(() => hasFile(join(on, 'prices/a.csv')), 'the dataset to show');
  t.equal(readFileSync(join(on, 'prices/a.csv'), 'utf8'), 'day,close\n');
  up.child.kill('SIGINT');
  t.same(await up.ended, { status: 0, signal: null });
  t.notOk(isMounted(on));
  t.notOk(isAlive(Number(ready.mount?.pid)));
});

t.test('up is killed: the mount goes too', { skip }, async (t) => {
  const on = mountPointIn(t);
  const { up, ready } = await startCluster(t, ['--mount', on]);
  const pids = [ready.master.pid, ready.workers[0]?.pid, ready.mount?.pid].map(Number);
  up.child.kill('SIGKILL');
  await until(() => !pids.some(isAlive), 'the children to end');
  t.notOk(isMounted(on));
});

t.test('the process of a mount is killed: it is mounted again', { skip }, async (t) => {
  const on = mountPointIn(t);
  const { up, ready, add } = await startCluster(t, ['--mount', on]);
  await add();
  process.kill(Number(ready.mount?.pid), 'SIGKILL');
  await until(() => up.stderr().includes('the mount is back'), 'the mount');
  await until(() => hasFile(join(on, 'prices/a.csv')), 'the dataset to show');
  up.child.kill('SIGINT');
  t.same(await up.ended, { status: 0, signal: null });
  t.notOk(isMounted(on));
});

t.test('unmounted from outside: mount ends, and up with it', { skip }, async (t) => {
  const on = mountPointIn(t);
  const { up } = await startCluster(t, ['--mount', on]);
  execFileSync('umount', [on]);
  t.same(await up.ended, { status: 0, signal: null });
});

t.test('mount on its own, both signals, with a file open', { skip }, async (t) => {
  const { up, ready, add, dataDir } = await startCluster(t);
  await add();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const on = mountPointIn(t);
    const mount = start(t, ['mount', on, '--master', ready.master.rpc, '--data-dir', dataDir, '--json']);
    t.match(await mount.ready, { ready: true, role: 'mount', on, transport: 'kernel' });
    const file = openSync(join(on, 'prices/a.csv'), 'r');
    mount.child.kill(signal);
    t.same(await mount.ended, { status: 0, signal: null });
    closeSync(file);
    t.notOk(isMounted(on));
  }
  up.child.kill('SIGINT');
  await up.ended;
});

t.test('a mount point that is missing, no directory, not empty, or taken', { skip }, async (t) => {
  const on = mountPointIn(t);
  const { up, ready, dataDir } = await startCluster(t, ['--mount', on]);
  const dir = tempDir(t);
  mkdirSync(join(dir, 'full/thing'), { recursive: true });
  writeFileSync(join(dir, 'file'), '');
  const cases: [string, RegExp][] = [
    [join(dir, 'none'), /none: .*does not exist/],
    [join(dir, 'file'), /file: .*not a directory/],
    [join(dir, 'full'), /full: .*not empty/],
    [on, /mounted there already/],
  ];
  for (const [path, message] of cases) {
    const argv = [
      'mount',
      path,
      '--master',
      ready.master.rpc,
      '--data-dir',
      dataDir,
      '--log-level',
      'silent',
    ];
    const { status, stdout, stderr } = await runProcess(t, argv);
    t.equal(status, 1, path);
    t.equal(stdout, '');
    t.match(stderr, message);
    t.match(stderr, /^error: [^\n]*\n$/, 'one line');
  }
  t.ok(isMounted(on), 'the mount that was there stays');
  up.child.kill('SIGINT');
  await up.ended;
});

t.test('up with a mount point that is missing is refused whole', { skip }, async (t) => {
  const dataDir = tempDir(t);
  const argv = [
    'up',
    ...LOCAL,
    '--data-dir',
    dataDir,
    '--mount',
    join(dataDir, 'none'),
    '--log-level',
    'silent',
  ];
  const { status, stderr } = await runProcess(t, argv);
  t.equal(status, 1);
  t.match(stderr, /^error: the mount did not start: .*none: .*does not exist[^\n]*\n$/);
});

t.test('no master there: where it was looked for', async (t) => {
  const argv = ['mount', tempDir(t), '--master', '127.0.0.1:1', '--log-level', 'silent'];
  const { status, stderr } = await runProcess(t, argv, { TIDECACHE_SECRET: 'a secret of enough characters' });
  t.equal(status, 1);
  t.match(stderr, /^error: cannot reach the master at 127\.0\.0\.1:1[^\n]*\n$/);
});

function hasFile(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}
