import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type DatasetList,
  fileIdOf,
  laneOf,
  lanesOf,
  MiB,
  OPCODES,
  READ_WHOLE_BLOCK,
  type Source,
  type TidecacheError,
} from '@tidecache/protocol';
import { openOrigin } from '@tidecache/storage';
import { type Address, createPeer } from '@tidecache/transport';
import { type Test, t } from 'tap';
import { startWorker, type WorkerInit } from '../../src/index.js';
import { startLanes } from '../../src/threads/lanes.js';
import { contentOf } from '../support/content.js';
import { startFakeMaster } from '../support/fake-master.js';
import { datasets, readBody, sourceOf } from '../support/fixture.js';

const SECRET = 'a secret of the tests';
const LOOPBACK = { host: '127.0.0.1', port: 0 };
const BLOCK = 4 * MiB;

/** A directory with one file of six blocks, a master, and a worker of two threads. */
async function cluster(t: Test, changes: Partial<WorkerInit> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'tidecache-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const bytes = contentOf('file', 0, 6 * BLOCK);
  writeFileSync(join(dir, 'file'), bytes);
  const uri = `nas://${dir}`;
  const origin = openOrigin(uri);
  const { version } = await origin.stat('file', { deadlineMs: 5_000 });
  await origin.close();
  const master = await startFakeMaster({ secret: SECRET, list: datasets(1, uri) });
  t.teardown(() => master.close());
  const worker = await startWorker({
    id: 'w1',
    master,
    listen: LOOPBACK,
    memoryBytes: 128 * MiB,
    threads: 2,
    secret: SECRET,
    ...changes,
  });
  t.teardown(() => worker.close());
  return { dir, bytes, master, worker, source: sourceOf('file', bytes.length, { version }) };
}

async function read(address: Address, source: Source, block: number): Promise<Buffer> {
  const peer = createPeer({ address, secret: SECRET, name: 'reader' });
  try {
    const into = Buffer.alloc(BLOCK);
    const body = readBody(source, { block, offset: 0, length: BLOCK, flags: READ_WHOLE_BLOCK });
    await peer.request(OPCODES.READ.wire, body, { deadlineMs: 5_000, into });
    return into;
  } finally {
    await peer.close();
  }
}

t.test('each block from its lane; what they count adds up; nothing is left', async (t) => {
  const sockets = mkdtempSync(join(tmpdir(), 'tidecache-'));
  t.teardown(() => rmSync(sockets, { recursive: true, force: true }));
  const unixPath = join(sockets, 'w.sock');
  const { master, worker, bytes, source } = await cluster(t, { unixPath, http: LOOPBACK });
  const { member } = master.registrations[0]!;
  const lanes = lanesOf(member);
  t.match(member, { weight: 128 * MiB, port: lanes[0]!.port, unixPath });
  t.match(lanes, [{ unixPath }, { unixPath: `${unixPath}.1` }]);
  t.same(
    worker.addresses.map(({ port }) => port),
    lanes.map(({ port }) => port),
  );

  const used = new Set<number>();
  for (let block = 0; block < 6; block++) {
    const i = laneOf(fileIdOf(source), block, 2);
    used.add(i);
    const { port, unixPath } = lanes[i]!;
    const wanted = bytes.subarray(block * BLOCK, (block + 1) * BLOCK);
    const address: Address = block % 2 ? { host: '127.0.0.1', port } : { unixPath: unixPath! };
    t.ok((await read(address, source, block)).equals(wanted), `block ${block} from lane ${i}`);
  }
  t.equal(used.size, 2, 'both lanes have blocks');
  // Threads tell their counters in their own time: ask until they have.
  while (worker.stats().servedBytes < 6 * BLOCK) await new Promise((resolve) => setTimeout(resolve, 10));
  t.match(worker.stats(), { misses: 6, blocks: 6, filledBytes: 6 * BLOCK, usedBytes: 6 * BLOCK });
  const metrics = await (await fetch(`http://127.0.0.1:${worker.http!.port}/metrics`)).text();
  t.match(metrics, /^tidecache_worker_misses_total 6$/m);
  t.match(metrics, /^tidecache_worker_memory_bytes 134217728$/m);

  await worker.close();
  t.strictSame(master.left, ['w1']);
  for (const { port, unixPath } of lanes) {
    t.notOk(existsSync(unixPath!), 'the socket is gone');
    await t.rejects(read({ host: '127.0.0.1', port }, source, 0), { code: 'UNREACHABLE' });
  }
});

t.test('datasets that come later reach every thread', async (t) => {
  const { master, worker, source, dir } = await cluster(t);
  const later = { ...source, datasetId: 8 };
  const addresses = worker.addresses;
  for (const address of addresses) {
    await t.rejects(read(address, later, 0), { code: 'UNREACHABLE', message: /dataset 8/ });
  }
  const [dataset] = datasets(1, `nas://${dir}`).datasets;
  master.push({ generation: 2, datasets: [{ ...dataset!, id: 8 }] });
  for (const address of addresses) {
    for (;;) {
      try {
        t.equal((await read(address, later, 0)).length, BLOCK);
        break;
      } catch (error) {
        if ((error as TidecacheError).code !== 'UNREACHABLE') throw error;
      }
    }
  }
});

t.test('a thread that dies fails the whole; the others close in good order', async (t) => {
  const master = { host: '127.0.0.1', port: 1 };
  const init = { master, listen: LOOPBACK, memoryBytes: 128 * MiB, threads: 2, secret: SECRET };
  const lanes = await startLanes(init, 'w1');
  // No list of datasets: the threads trip over it where nothing catches.
  lanes.update({ generation: 1 } as DatasetList, true);
  await t.rejects(lanes.failed, { code: 'INTERNAL', message: /worker w1, thread \d: .*'map'/ });
  await lanes.close();
});

t.test('what can not be divided is refused, says why, and leaves nothing behind', async (t) => {
  const master = await startFakeMaster({ secret: SECRET });
  t.teardown(() => master.close());
  const start = (changes: Partial<WorkerInit>) =>
    startWorker({ master, listen: LOOPBACK, memoryBytes: 256 * MiB, secret: SECRET, ...changes });
  await t.rejects(start({ threads: 8 }), {
    code: 'INVALID',
    message:
      'cannot divide 256 MiB of memory among 8 threads: each needs at least 64 MiB (fewer threads, or more memory)',
  });
  for (const threads of [0, 1.5, 65]) {
    await t.rejects(start({ threads }), { code: 'INVALID', message: /threads: 1 to 64/ });
  }
  await t.rejects(start({ threads: 4, threadPort: 65_534 }), { code: 'INVALID', message: /need 3 ports/ });
  await t.rejects(start({ threads: 2, memoryBytes: 2 ** 50 }), { code: 'NO_SPACE' });
  await t.rejects(start({ threads: 2, openOrigin }), { code: 'INVALID' });

  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  t.teardown(() => taken.close());
  const threadPort = (taken.address() as { port: number }).port;
  const dir = mkdtempSync(join(tmpdir(), 'tidecache-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const unixPath = join(dir, 's');
  await t.rejects(start({ threads: 2, threadPort, unixPath }), {
    code: 'ALREADY_EXISTS',
    message: new RegExp(`cannot listen.*${threadPort}`),
  });
  t.notOk(existsSync(unixPath), "the other thread's socket is gone");
  t.equal(master.registrations.length, 0);
});
