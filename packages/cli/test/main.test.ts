import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { RELEASE } from '@tidecache/protocol';
import { t } from 'tap';
import { ENTRY, runProcess, SECRET } from './testing.js';

t.test('a process whose supervisor is gone before it is loaded ends by itself', async (t) => {
  const argv = ['worker', '--memory', '64MiB', '--master', '127.0.0.1:1', '--log-level', 'silent'];
  const env = { PATH: process.env.PATH, TIDECACHE_SECRET: SECRET };
  const child = fork(ENTRY, argv, { env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] });
  t.teardown(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  child.disconnect();
  t.same(await ended, [0, null]);
});

t.test('a supervised process tells its supervisor why it failed, and prints nothing', async (t) => {
  const env = { PATH: process.env.PATH, TIDECACHE_SECRET: 'short' };
  const child = fork(ENTRY, ['worker'], { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'], execArgv: [] });
  t.teardown(() => child.kill('SIGKILL'));
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (printed += data));
  const closed = once(child, 'close');
  const [message] = await once(child, 'message');
  t.match(message, { type: 'failed', message: /TIDECACHE_SECRET: the secret has 5 characters/ });
  t.same(await closed, [2, null]);
  t.equal(printed, '');
});

t.test('status and streams of a real process', async (t) => {
  t.match(await runProcess(t, ['--version']), { status: 0, stdout: `${RELEASE}\n`, stderr: '' });
  t.match(await runProcess(t, ['nonsense']), { status: 2, stdout: '', stderr: /^error: unknown command/ });
});

t.test('a reader that takes one line and goes is no error', async (t) => {
  const { status, stderr } = spawnSync(
    'sh',
    ['-c', `"$0" "$1" --help | head -1; "$0" "$1" worker --help 1>&2 2>/dev/null`, process.execPath, ENTRY],
    { encoding: 'utf8' },
  );
  t.equal(status, 0);
  t.notMatch(stderr, /EPIPE/);
});
