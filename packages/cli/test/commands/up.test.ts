/** `up` as people run it: real processes, a NAS dataset, signals, deaths. */

import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Test, t } from 'tap';
import type { Description } from '../../src/local-cluster.js';
import { invoke, isAlive, processesWith, runProcess, start, tempDir, until } from '../testing.js';

const LOCAL = ['--listen', '127.0.0.1:0', '--http', '127.0.0.1:0'];

/** `up` with two workers on free ports, once it's ready. */
async function startCluster(t: Test, more: readonly string[] = [], dataDir = join(tempDir(t), 'data')) {
  const up = start(t, [
    'up',
    '--workers',
    '2',
    '--memory',
    '64MiB',
    '--data-dir',
    dataDir,
    ...LOCAL,
    '--json',
    ...more,
  ]);
  const ready = (await up.ready) as unknown as Description;
  const pids = [ready.master.pid, ...ready.workers.map((worker) => worker.pid)].map(Number);
  t.teardown(() => {
    for (const pid of pids.filter(isAlive)) process.kill(pid, 'SIGKILL');
  });
  const call = (...argv: string[]) => invoke([...argv, '--api', ready.master.http, '--data-dir', dataDir]);
  return { up, ready, pids, dataDir, call };
}

const sockets = (dataDir: string) => readdirSync(dataDir).filter((name) => name.endsWith('.sock'));

t.test('a cluster: datasets come and go, status tells, Ctrl-C leaves nothing', async (t) => {
  const { up, ready, pids, dataDir, call } = await startCluster(t);
  const origin = tempDir(t);
  writeFileSync(join(origin, 'a.csv'), 'day,close\n');
  t.equal(ready.workers.length, 2);
  t.equal(new Set(pids).size, 3, 'each part in a process of its own');
  t.equal(statSync(join(dataDir, 'secret')).mode & 0o777, 0o600);
  t.equal(sockets(dataDir).filter((name) => name.startsWith('worker-')).length, 2);

  const empty = await call('dataset', 'ls');
  t.match(empty, { status: 0, stdout: /^no datasets: add one with/ });
  t.same(await call('dataset', 'ls', '--json'), { status: 0, stdout: '', stderr: '' });

  const added = await call('dataset', 'add', 'prices', `nas://${origin}`, '--metadata', 'always', '--json');
  t.equal(added.stderr, '');
  t.match(JSON.parse(added.stdout), {
    path: '/prices',
    uri: `nas://${origin}`,
    metadata: 'always',
    readOnly: false,
  });
  t.match(await call('dataset', 'add', '/prices', `nas://${origin}`), {
    status: 1,
    stderr: /^error: .*\/prices/,
  });

  t.match(await call('dataset', 'ls'), { status: 0, stdout: /^PATH +ORIGIN[^\n]*\n\/prices +nas:\/\// });
  const lines = (await call('dataset', 'ls', '--json')).stdout.trim().split('\n');
  t.equal(lines.length, 1);
  t.match(JSON.parse(lines[0] ?? ''), { path: '/prices' });
  t.match(await call('dataset', 'show', 'prices'), { status: 0, stdout: /^path +\/prices\norigin +nas:/ });
  t.match(JSON.parse((await call('dataset', 'show', '/prices', '--json')).stdout), { path: '/prices' });
  t.match(await call('dataset', 'show', '/none'), { status: 1, stderr: /^error: .*\/none/ });

  const status = await call('status');
  t.equal(status.stderr, '');
  t.match(status.stdout, /^cluster .* release \d.* epoch \d+\n/);
  t.match(status.stdout, /worker-1 +127\.0\.0\.1:\d+ /);
  t.match(status.stdout, /worker-2 +127\.0\.0\.1:\d+ /);
  t.match(status.stdout, /\/prices +nas:/);
  const parsed = JSON.parse((await call('status', '--json')).stdout);
  t.match(parsed.workers.map((worker: { id: string }) => worker.id).sort(), ['worker-1', 'worker-2']);

  t.match(await call('dataset', 'rm', '/prices'), { status: 0, stdout: 'removed /prices\n' });
  t.match(await call('dataset', 'rm', '/prices'), { status: 1, stderr: /^error: .*\/prices/ });
  t.same(await call('dataset', 'ls', '--json'), { status: 0, stdout: '', stderr: '' });

  const env = { TIDECACHE_SECRET: 'another secret, long enough' };
  const worker = ['worker', '--memory', '64MiB', '--master', ready.master.rpc, '--log-level', 'silent'];
  t.match(await runProcess(t, worker, env), { status: 1, stderr: /^error: .*secret[^\n]*\n$/ });
  t.match(await invoke(['status', '--api', ready.master.http, '--data-dir', dataDir], env), {
    status: 1,
    stdout: '',
    stderr: /^error: the master at .* refused the secret \(401\): give the one/,
  });

  const second = await runProcess(t, ['up', '--data-dir', dataDir, ...LOCAL, '--log-level', 'silent']);
  t.match(second, { status: 1, stderr: /^error: the master did not start: .*another master is using it/ });
  t.equal(
    sockets(dataDir).filter((name) => name.startsWith('worker-')).length,
    2,
    "the first's are left alone",
  );
  t.match(await call('status'), { status: 0 }, 'the first goes on');

  // A terminal sends it to every process of the group.
  for (const pid of [...pids, up.pid]) process.kill(pid, 'SIGINT');
  t.same(await up.ended, { status: 0, signal: null });
  t.same(pids.filter(isAlive), [], 'no child is left');
  t.same(sockets(dataDir), [], 'no socket is left');
  const secret = readFileSync(join(dataDir, 'secret'), 'utf8').trim();
  t.notMatch(up.stderr(), secret);
});

t.test('who is killed comes back at the same place; a second start finds what the first had', async (t) => {
  const { up, ready, dataDir, call } = await startCluster(t);
  t.match(await call('dataset', 'add', '/kept', `nas://${tempDir(t)}`), { status: 0 });
  const workersNow = async (): Promise<{ host: string; port: number }[]> => {
    const { status, stdout } = await call('status', '--json');
    return status === 0 ? JSON.parse(stdout).workers : [];
  };
  process.kill(Number(ready.workers[0]?.pid), 'SIGKILL');
  await until(() => up.stderr().includes('the worker-1 is back'), 'the worker');
  t.match(up.stderr(), /the worker-1 died \(ended by SIGKILL\); starting it again in 250 ms/);
  process.kill(Number(ready.master.pid), 'SIGKILL');
  await until(() => up.stderr().includes('the master is back'), 'the master');
  await until(async () => (await workersNow()).length === 2, 'both workers to register again');
  t.same(
    (await workersNow()).map(({ host, port }) => `${host}:${port}`).sort(),
    ready.workers.map((worker) => worker.address).sort(),
  );
  up.child.kill('SIGTERM');
  t.same(await up.ended, { status: 0, signal: null });

  const again = await startCluster(t, [], dataDir);
  t.match(JSON.parse((await again.call('dataset', 'ls', '--json')).stdout), { path: '/kept' });
  again.up.child.kill('SIGKILL');
  await again.up.ended;
  await until(() => !again.pids.some(isAlive), 'the children to end by themselves');
  t.same(sockets(dataDir), []);
});

for (const [signal, moment] of [
  ['SIGINT', 'data.mdb'],
  ['SIGINT', 'worker-1.sock'],
  ['SIGKILL', 'data.mdb'],
  ['SIGKILL', 'worker-1.sock'],
] as const) {
  t.test(`${signal} during the start, as soon as there is ${moment}`, async (t) => {
    const dataDir = join(tempDir(t), 'data');
    const argv = ['up', '--workers', '2', '--memory', '64MiB', '--data-dir', dataDir, ...LOCAL, '--json'];
    const up = start(t, argv);
    t.teardown(() => {
      for (const pid of processesWith(dataDir)) process.kill(pid, 'SIGKILL');
    });
    await until(() => existsSync(join(dataDir, moment)), moment);
    up.child.kill(signal);
    const expected = signal === 'SIGINT' ? { status: 0, signal: null } : { status: null, signal };
    t.same(await up.ended, expected);
    await until(() => processesWith(dataDir).length === 0, 'all processes to end');
    t.same(sockets(dataDir), []);
  });
}

t.test('a port in use is status 1, and the message names it', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const env = { TIDECACHE_SECRET: 'a secret of enough characters' };
  for (const argv of [
    ['master', '--listen', `127.0.0.1:${port}`, '--http', '127.0.0.1:0'],
    ['up', '--http', `127.0.0.1:${port}`, '--listen', '127.0.0.1:0'],
  ]) {
    const dataDir = tempDir(t);
    const outcome = await runProcess(t, [...argv, '--data-dir', dataDir, '--log-level', 'silent'], env);
    t.match(outcome, { status: 1, stdout: '' });
    t.match(outcome.stderr, new RegExp(`^error: [^\\n]*127\\.0\\.0\\.1:${port}[^\\n]*\\n$`), 'one line');
    t.same(sockets(dataDir), []);
  }
});
