/** `up --mount` as people run it. Skipped, with the reason, where there is no /dev/fuse that may be opened. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { t } from 'tap';
import { isAlive, runProcess, tempDir, until } from '../testing.js';
import { hasFile, isMounted, LOCAL, mountPointIn, skip, startCluster } from './mounts.js';

t.test('a dataset shows; a mount that is killed comes back; the end unmounts', { skip }, async (t) => {
  const on = mountPointIn(t);
  const { up, ready, add } = await startCluster(t, [
    '--mount',
    on,
    '--xattrs',
    '--io-threads',
    '1',
    '--busy-poll',
    '50',
  ]);
  t.ok(isMounted(on));
  t.equal(ready.mount?.on, on);
  const argv = readFileSync(`/proc/${ready.mount?.pid}/cmdline`, 'utf8').split('\0');
  t.ok(argv.includes('--xattrs'), 'the mount is told what is asked of up');
  t.equal(argv[argv.indexOf('--io-threads') + 1], '1');
  t.equal(argv[argv.indexOf('--busy-poll') + 1], '50');
  t.match(await add(), { status: 0 });
  await until(() => hasFile(join(on, 'prices/a.csv')), 'the dataset to show');
  t.equal(readFileSync(join(on, 'prices/a.csv'), 'utf8'), 'day,close\n');

  process.kill(Number(ready.mount?.pid), 'SIGKILL');
  await until(() => up.stderr().includes('the mount is back'), 'the mount');
  await until(() => hasFile(join(on, 'prices/a.csv')), 'the dataset to show again');

  up.child.kill('SIGINT');
  t.same(await up.ended, { status: 0, signal: null });
  t.notOk(isMounted(on));
});

t.test('up is killed: the mount goes too', { skip }, async (t) => {
  const on = mountPointIn(t);
  const { up, pids } = await startCluster(t, ['--mount', on]);
  up.child.kill('SIGKILL');
  await until(() => !pids.some(isAlive), 'the children to end');
  t.notOk(isMounted(on));
});

t.test('a second Ctrl-C, when the mount does not answer: all is killed', { skip }, async (t) => {
  const on = mountPointIn(t);
  const { up, ready, pids } = await startCluster(t, ['--mount', on]);
  process.kill(Number(ready.mount?.pid), 'SIGSTOP');
  up.child.kill('SIGINT');
  await until(() => up.stderr().includes('a signal: closing'), 'the first signal to be seen');
  up.child.kill('SIGINT');
  t.same(await up.ended, { status: 1, signal: null });
  t.match(up.stderr(), /a second signal: ending without closing/);
  await until(() => !pids.some(isAlive), 'the children to end');
  t.notOk(isMounted(on));
});

t.test('unmounted from outside: up ends', { skip }, async (t) => {
  const on = mountPointIn(t);
  const { up } = await startCluster(t, ['--mount', on]);
  execFileSync('umount', [on]);
  t.same(await up.ended, { status: 0, signal: null });
});

t.test('a mount point that is missing: up is refused whole', { skip }, async (t) => {
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
