import { appendFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MiB, OPCODES, READ_WHOLE_BLOCK, type Source, TidecacheError } from '@tidecache/protocol';
import { openOrigin } from '@tidecache/storage';
import { type Address, createPeer } from '@tidecache/transport';
import { type Test, t } from 'tap';
import { startWorker, type WorkerInit } from '../src/index.js';
import { contentOf } from './support/content.js';
import { startFakeMaster } from './support/fake-master.js';
import { FakeOrigin } from './support/fake-origin.js';
import { type Ask, bytesOf, datasets, readBody, sourceOf } from './support/fixture.js';

const SECRET = 'a secret of the tests';
const LOOPBACK = { host: '127.0.0.1', port: 0 };

async function cluster(t: Test, changes: Partial<WorkerInit> = {}, list = datasets()) {
  const master = await startFakeMaster({ secret: SECRET, list });
  t.teardown(() => master.close());
  const fake = new FakeOrigin(true);
  const worker = await startWorker({
    id: 'w1',
    master,
    listen: LOOPBACK,
    memoryBytes: 64 * MiB,
    secret: SECRET,
    openOrigin: () => fake.origin,
    ...changes,
  });
  t.teardown(() => worker.close());
  return { master, fake, worker };
}

async function read(address: Address, source: Source, ask: Ask): Promise<Buffer> {
  const peer = createPeer({ address, secret: SECRET, name: 'reader' });
  try {
    const into = Buffer.alloc(ask.length);
    await peer.request(OPCODES.READ.wire, readBody(source, ask), { deadlineMs: 5_000, into });
    return into;
  } finally {
    await peer.close();
  }
}

t.test('registers, serves over TCP and a Unix-domain socket, leaves', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tidecache-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const unixPath = join(dir, 'w.sock');
  const { master, worker, fake } = await cluster(t, { unixPath });
  const { member, memoryBytes } = master.registrations[0]!;
  t.match(member, { id: 'w1', host: '127.0.0.1', port: worker.address.port, unixPath, weight: 64 * MiB });
  t.equal(memoryBytes, 64 * MiB);

  const source = sourceOf('a', 9 * MiB + 77);
  const ask = { block: 1, offset: 123, length: MiB, flags: READ_WHOLE_BLOCK };
  t.strictSame(await read(worker.address, source, ask), bytesOf(source, 4 * MiB + 123, MiB));
  t.strictSame(await read({ unixPath }, source, ask), bytesOf(source, 4 * MiB + 123, MiB));
  t.equal(fake.bytes, 4 * MiB);
  t.match(worker.stats(), { hits: 1, misses: 1, blocks: 1, usedBytes: 4 * MiB, servedBytes: 2 * MiB });

  await worker.close();
  t.strictSame(master.left, ['w1']);
  t.notOk(existsSync(unixPath), 'the socket is gone');
  t.equal(fake.closed, 1);
});

t.test('reads a real directory', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tidecache-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const bytes = contentOf('file', 0, 5 * MiB + 321);
  writeFileSync(join(dir, 'file'), bytes);
  const uri = `nas://${dir}`;
  const origin = openOrigin(uri);
  t.teardown(() => origin.close());
  const { version } = await origin.stat('file', { deadlineMs: 5_000 });
  const { worker } = await cluster(t, { openOrigin }, datasets(1, uri));
  const source = sourceOf('file', bytes.length, { version });
  const whole = { block: 1, offset: 0, length: MiB + 321, flags: READ_WHOLE_BLOCK };
  t.strictSame(await read(worker.address, source, whole), bytes.subarray(4 * MiB));
  t.strictSame(await read(worker.address, source, { offset: 77, length: 88 }), bytes.subarray(77, 165));
  appendFileSync(join(dir, 'file'), 'changed');
  t.strictSame(
    await read(worker.address, source, { offset: 5, length: 6 }),
    bytes.subarray(5, 11),
    'old, whole',
  );
  const later = read(worker.address, source, { offset: MiB, length: 10 });
  await t.rejects(later, { code: 'STALE' }, 'what was not there yet can not be had any more');
});

t.test('a failure has its code and message at the reader', async (t) => {
  const { worker, fake } = await cluster(t);
  fake.failWith = () => new TidecacheError('ACCESS_DENIED', 'cannot read fake://a: 403');
  const reading = read(worker.address, sourceOf('a', MiB), { offset: 0, length: 10 });
  await t.rejects(reading, { code: 'ACCESS_DENIED', message: /cannot read fake:\/\/a: 403/ });
});

t.test('datasets that come later, and while the master is away reads go on', async (t) => {
  const { master, worker } = await cluster(t);
  const source = sourceOf('a', MiB, { datasetId: 8 });
  await t.rejects(read(worker.address, source, { offset: 0, length: 10 }), { code: 'UNREACHABLE' });
  const [dataset] = datasets().datasets;
  master.push({ generation: 2, datasets: [{ ...dataset!, id: 8 }] });
  // A push has no answer: ask until it has arrived, within the test's own time.
  for (;;) {
    try {
      t.strictSame(await read(worker.address, source, { offset: 0, length: 10 }), bytesOf(source, 0, 10));
      break;
    } catch (error) {
      if ((error as TidecacheError).code !== 'UNREACHABLE') throw error;
    }
  }
  await master.close();
  t.strictSame(await read(worker.address, source, { offset: 5, length: 10 }), bytesOf(source, 5, 10));

  const successor = await startFakeMaster({ secret: SECRET, port: master.port });
  t.teardown(() => successor.close());
  while (successor.registrations.length === 0) await new Promise((resolve) => setImmediate(resolve));
  t.equal(successor.registrations[0]?.member.id, 'w1', 'it comes back by itself');
});

t.test('probes and metrics', async (t) => {
  const { worker, master } = await cluster(t, { http: LOOPBACK });
  const at = `http://127.0.0.1:${worker.http!.port}`;
  t.equal((await fetch(`${at}/healthz`)).status, 200);
  t.equal((await fetch(`${at}/readyz`)).status, 200);
  t.equal((await fetch(`${at}/nothing`)).status, 404);
  t.equal((await fetch(`${at}/healthz`, { method: 'POST' })).status, 405);
  await read(worker.address, sourceOf('a', MiB), { offset: 0, length: MiB });
  const text = await (await fetch(`${at}/metrics`)).text();
  t.match(text, /^tidecache_worker_misses_total 1$/m);
  t.match(text, /^tidecache_worker_filled_bytes_total 1048576$/m);
  t.match(text, /^tidecache_worker_registered 1$/m);
  t.match(text, /^process_resident_memory_bytes /m);
  await master.close();
  while ((await fetch(`${at}/readyz`)).status !== 503);
  t.pass('not ready without a master');
});

t.test('what can not work rejects at start, says why, and leaves nothing behind', async (t) => {
  const master = await startFakeMaster({ secret: SECRET });
  t.teardown(() => master.close());
  const start = (changes: Partial<WorkerInit>) =>
    startWorker({ master, listen: LOOPBACK, memoryBytes: 64 * MiB, secret: SECRET, ...changes });

  await t.rejects(start({ secret: 'another secret altogether' }), { code: 'ACCESS_DENIED' });
  await t.rejects(start({ memoryBytes: MiB }), { code: 'INVALID', message: /at least 64 MiB/ });
  master.refuseWith = new TidecacheError('INVALID', 'the clocks are 10 minutes apart');
  await t.rejects(start({}), { code: 'INVALID', message: /cannot register.*clocks are 10 minutes apart/ });
  master.refuseWith = undefined;

  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  t.teardown(() => taken.close());
  const port = (taken.address() as { port: number }).port;
  await t.rejects(start({ listen: { host: '127.0.0.1', port } }), {
    code: 'ALREADY_EXISTS',
    message: /cannot listen/,
  });
  await t.rejects(start({ http: { host: '127.0.0.1', port } }), {
    code: 'ALREADY_EXISTS',
    message: /cannot serve HTTP/,
  });
  await t.rejects(start({ unixPath: `/tmp/${'x'.repeat(200)}` }), { code: 'INVALID' });
  t.equal(master.registrations.length, 0);

  const nobody = { host: '127.0.0.1', port: 1 };
  await t.rejects(start({ master: nobody, startDeadlineMs: 300 }), {
    code: 'UNREACHABLE',
    message: /cannot register/,
  });
});

t.test('a master that comes up later', async (t) => {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  const logged: string[] = [];
  let master: Awaited<ReturnType<typeof startFakeMaster>> | undefined;
  const log = (_: object, message: string) => {
    logged.push(message);
    // The first failure is the sign to bring it up.
    if (logged.length === 1)
      void startFakeMaster({ secret: SECRET, port }).then((started) => (master = started));
  };
  const worker = await startWorker({
    master: { host: '127.0.0.1', port },
    listen: LOOPBACK,
    memoryBytes: 64 * MiB,
    secret: SECRET,
    logger: { debug: () => {}, info: () => {}, warn: log, error: log },
  });
  t.match(logged[0], /cannot register with the master yet/);
  await worker.close();
  await master?.close();
});

t.test('listening on any address, it advertises the one towards the master', async (t) => {
  const { worker } = await cluster(t, { listen: { host: '0.0.0.0', port: 0 } });
  t.equal(worker.address.host, '127.0.0.1');
});
