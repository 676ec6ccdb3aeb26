/** `mount` as people run it. What mounts is skipped, with the reason, where there is no /dev/fuse that may be opened. */
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { t } from 'tap';
import { runProcess, start, tempDir } from '../testing.js';
import { isMounted, mountPointIn, skip, startCluster } from './mounts.js';

// The test that only waits does so beside the other.
t.jobs = 2;

t.test('no master there: where it was looked for', { buffered: true }, async (t) => {
  const argv = ['mount', tempDir(t), '--master', '127.0.0.1:1', '--log-level', 'silent'];
  const { status, stderr } = await runProcess(t, argv, { TIDECACHE_SECRET: 'a secret of enough characters' });
  t.equal(status, 1);
  t.match(stderr, /^error: cannot reach the master at 127\.0\.0\.1:1[^\n]*\n$/);
});

t.test(
  'mounts, refuses what cannot be a mount point, unmounts on a signal',
  { skip, buffered: true },
  async (t) => {
    const { up, ready, add, dataDir } = await startCluster(t);
    t.match(await add(), { status: 0 });
    const on = mountPointIn(t);
    const master = ['--master', ready.master.rpc, '--data-dir', dataDir];
    const mount = start(t, ['mount', on, ...master, '--json']);
    t.match(await mount.ready, { ready: true, role: 'mount', on, transport: 'kernel' });
    t.ok(isMounted(on));

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
      const { status, stdout, stderr } = await runProcess(t, [
        'mount',
        path,
        ...master,
        '--log-level',
        'silent',
      ]);
      t.equal(status, 1, path);
      t.equal(stdout, '');
      t.match(stderr, message);
      t.match(stderr, /^error: [^\n]*\n$/, 'one line');
    }
    t.ok(isMounted(on), 'the mount that was there stays');
    const env = { TIDECACHE_SECRET: 'another secret, long enough' };
    const stranger = await runProcess(t, ['mount', mountPointIn(t), ...master, '--log-level', 'silent'], env);
    t.match(stranger, { status: 1, stderr: /^error: .*secret[^\n]*\n$/ });

    const file = openSync(join(on, 'prices/a.csv'), 'r');
    mount.child.kill('SIGTERM');
    t.same(await mount.ended, { status: 0, signal: null }, 'with a file open');
    t.throws(() => closeSync(file), { code: 'ENOTCONN' }, 'the kernel has nobody to ask any more');
    t.notOk(isMounted(on));
    up.child.kill('SIGINT');
    t.same(await up.ended, { status: 0, signal: null });
  },
);
