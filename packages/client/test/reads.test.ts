/** Reads against doubles that fail in one way each: who is asked, in which order, how often. */
import {
  inodeId,
  MiB,
  READ_AHEAD,
  READ_WHOLE_BLOCK,
  TidecacheError,
  WORKER_ATTEMPT_MS,
} from '@tidecache/protocol';
import { t } from 'tap';
import type { Client, FileHandle } from '../src/api.js';
import { connectClient } from '../src/client.js';
import { contentOf } from './doubles/content.js';
import { FakeClock } from './doubles/fake-clock.js';
import { FakeCluster, type Faults, NO_FAULTS } from './doubles/fake-cluster.js';
import { fileRecord } from './doubles/fake-master.js';
import { Chance } from './doubles/random.js';

const RECORD = fileRecord(10, 'v1', 64 * MiB);

async function start(workers: number, faults: Partial<Faults> = {}, bufferBytes = 32 * MiB, record = RECORD) {
  const clock = new FakeClock();
  const chance = new Chance(7);
  const cluster = new FakeCluster(clock, chance, workers, { ...NO_FAULTS, ...faults });
  cluster.master.addFile(record);
  cluster.objects.set(record.key!, record.version!);
  const client = await clock.run(
    connectClient({
      master: { host: 'master', port: 1 },
      secret: 'secret',
      name: 'test',
      bufferBytes,
      clock,
      random: chance.next,
      hostId: 'here',
      createPeer: cluster.createPeer,
      openOrigin: cluster.openOrigin,
    }),
  );
  const handle = await clock.run(Promise.resolve(client.open(inodeId(10))));
  return { clock, cluster, client, handle };
}

async function check(clock: FakeClock, handle: FileHandle, offset: number, length: number): Promise<void> {
  const slices = await clock.run(Promise.resolve(handle.read(offset, length)));
  const expected = contentOf('v1', offset, Math.min(offset + length, handle.inode.size));
  const same = Buffer.concat(slices.parts).equals(expected);
  slices.release();
  if (!same) throw new Error(`wrong bytes at ${offset}`);
}

const reads = ({ workers }: FakeCluster) => workers.reduce((sum, worker) => sum + worker.reads, 0);
const retries = (client: Client) => client.stats().retries;

t.test('a random read asks for its sectors alone, and of no whole block', async (t) => {
  const { clock, cluster, handle } = await start(1);
  await check(clock, handle, 10 * MiB + 5000, 100);
  t.same(cluster.workers[0]?.ranges, [{ from: 10 * MiB + 4096, to: 10 * MiB + 8192 }]);
  t.same(cluster.workers[0]?.flags, [0]);
});

t.test('a long read lets the worker fill its block', async (t) => {
  const { clock, cluster, handle } = await start(1);
  await check(clock, handle, 10 * MiB, 128 * 1024);
  t.same(cluster.workers[0]?.flags, [READ_WHOLE_BLOCK]);
});

t.test('a sequential reader finds its bytes there, each asked for once', async (t) => {
  const { clock, cluster, client, handle } = await start(3);
  let atOnce = 0;
  for (let at = 0; at < 64 * MiB; at += 128 * 1024) {
    const answer = handle.read(at, 128 * 1024);
    if (!(answer instanceof Promise)) atOnce++;
    const slices = await clock.run(Promise.resolve(answer));
    t.ok(
      Buffer.concat(slices.parts).equals(contentOf('v1', at, at + 128 * 1024)) || t.fail(`wrong at ${at}`),
    );
    slices.release();
    await clock.pass(1);
  }
  const stats = client.stats();
  t.equal(
    Object.values(stats.workerBytes).reduce((sum, bytes) => sum + bytes),
    64 * MiB,
  );
  t.equal(reads(cluster), 64);
  t.ok(atOnce > 300, `${atOnce} of 512 were answered at once`);
  t.ok(cluster.workers.every(({ flags }) => flags.every((flag) => flag & READ_WHOLE_BLOCK)));
  t.ok(cluster.workers.some(({ flags }) => flags.some((flag) => flag & READ_AHEAD)));
  t.equal(cluster.originReads, 0);
  t.equal(Object.keys(stats.workerBytes).length, 3, 'all workers serve');
});

t.test('many readers of one place ask once, and all get the bytes', async (t) => {
  const { clock, cluster, client, handle } = await start(1);
  const others = await Promise.all(Array.from({ length: 15 }, () => client.open(inodeId(10))));
  await Promise.all([handle, ...others].map((each) => check(clock, each, 0, MiB)));
  const ranges = cluster.workers[0]?.ranges.filter(({ from }) => from === 0);
  t.equal(ranges?.length, 1);
});

t.test('a small file is read whole at the first touch, and costs little memory', async (t) => {
  const { clock, cluster, client, handle } = await start(1, {}, 32 * MiB, fileRecord(10, 'v1', 10_000));
  await check(clock, handle, 5_000, 10);
  await check(clock, handle, 9_000, 5_000);
  t.same(cluster.workers[0]?.ranges, [{ from: 0, to: 10_000 }]);
  t.equal(client.stats().bufferBytes, 16_384);
});

t.test('past the end there is nothing, and odd questions are refused', async (t) => {
  const { handle } = await start(1);
  const slices = await handle.read(64 * MiB, 100);
  t.same([slices.bytes, slices.parts.length], [0, 0]);
  slices.release();
  t.throws(() => handle.read(-1, 5), { code: 'INVALID' });
  t.throws(() => handle.read(0, 17 * MiB), { code: 'INVALID', message: /readInto/ });
  handle.close();
  handle.close();
  t.throws(() => handle.read(0, 5), { code: 'INVALID', message: /closed/ });
});

t.test('a busy owner sends the read on, and is not put aside for it', async (t) => {
  const { clock, cluster, client, handle } = await start(2, { busy: 1 });
  await check(clock, handle, 10 * MiB, 100);
  t.equal(cluster.originReads, 1);
  t.equal(retries(client).BUSY, 2);
  await check(clock, handle, 20 * MiB, 100);
  t.equal(retries(client).BUSY, 4);
});

t.test('a dead worker costs one silence, not one per read', async (t) => {
  const { clock, cluster, handle } = await start(3);
  cluster.workers[0]!.alive = false;
  // A host that vanished does not refuse: it is silent.
  cluster.chance.happens = () => false;
  const startedAt = clock.now();
  for (let block = 0; block < 16; block++) await check(clock, handle, block * 4 * MiB + 123, 4096);
  const tookMs = clock.now() - startedAt;
  t.ok(tookMs >= WORKER_ATTEMPT_MS, 'it was asked');
  t.ok(tookMs < WORKER_ATTEMPT_MS + 1_000, `${tookMs} ms for 16 blocks`);
});

t.test('a worker that comes back is found by its probe, without a reader paying', async (t) => {
  const { clock, cluster, handle } = await start(1);
  const worker = cluster.workers[0]!;
  worker.die();
  await check(clock, handle, 0, 4096);
  t.equal(cluster.originReads, 1);
  worker.revive();
  await clock.pass(60_000);
  const before = worker.reads;
  await check(clock, handle, 4 * MiB, 4096);
  t.equal(worker.reads, before + 1);
  t.equal(cluster.originReads, 1);
});

t.test('without any worker the origin serves, few reads at a time', async (t) => {
  const { clock, cluster, client, handle } = await start(0);
  await Promise.all(Array.from({ length: 40 }, (_, i) => check(clock, handle, i * MiB, 4096)));
  t.ok(cluster.mostOriginReads <= 8);
  t.equal(client.stats().originBytes >= 40 * 4096, true);
});

t.test('read-ahead never goes to the origin while there are workers', async (t) => {
  const { clock, cluster, handle } = await start(2, { busy: 1 });
  for (let at = 0; at < 8 * MiB; at += MiB) await check(clock, handle, at, MiB);
  await clock.pass(1_000);
  t.equal(cluster.originReads, 8, 'what was waited for, and no more');
});

t.test('the object is gone: STALE for good, and the master is told once', async (t) => {
  const { clock, cluster, client, handle } = await start(1);
  await check(clock, handle, 0, MiB);
  cluster.holds = 0;
  cluster.objects.set('file-10', 'v2');
  await t.rejects(clock.run(Promise.resolve(handle.read(32 * MiB, 4096))), { code: 'STALE' });
  t.throws(() => handle.read(0, 4096), { code: 'STALE' }, 'also what was there');
  await clock.pass(100);
  t.same(cluster.master.reported, [10]);
  t.equal(client.stats().stale, 1);
  cluster.master.gone.add(10);
  await t.rejects(clock.run(Promise.resolve(client.open(inodeId(10)))), { code: 'STALE' });
});

t.test('an object that was deleted is STALE too', async (t) => {
  const { clock, cluster, handle } = await start(0);
  cluster.objects.delete('file-10');
  await t.rejects(clock.run(Promise.resolve(handle.read(0, 4096))), { code: 'STALE' });
});

t.test('refused credentials are told as they are, once', async (t) => {
  const { clock, cluster, client, handle } = await start(2);
  for (const worker of cluster.workers) {
    for (const peer of worker.peers) {
      peer.request = () =>
        Promise.reject(new TidecacheError('ACCESS_DENIED', 's3://bucket: 403 AccessDenied'));
    }
  }
  await t.rejects(clock.run(Promise.resolve(handle.read(0, 4096))), {
    code: 'ACCESS_DENIED',
    message: /403/,
  });
  t.same(retries(client), {});
});

t.test('a worker of another cluster at an old address is passed over', async (t) => {
  const { clock, cluster, handle } = await start(1);
  for (const peer of cluster.workers[0]!.peers) {
    peer.connected = false;
    peer.request = () => Promise.reject(new TidecacheError('ACCESS_DENIED', 'wrong secret'));
  }
  await check(clock, handle, 0, 4096);
  t.equal(cluster.originReads, 1);
});

t.test('memory is full of slices that nobody releases: reads wait, then fail, and go on after', async (t) => {
  const { clock, handle } = await start(1, {}, 8 * MiB);
  const held = [];
  for (let i = 0; i < 8; i++) held.push(await clock.run(Promise.resolve(handle.read(i * MiB, MiB))));
  await t.rejects(clock.run(Promise.resolve(handle.read(20 * MiB, MiB))), {
    code: 'TIMEOUT',
    message: /release/,
  });
  const waits = Promise.resolve(handle.read(30 * MiB, MiB));
  for (const [i, slices] of held.entries()) {
    t.ok(Buffer.concat(slices.parts).equals(contentOf('v1', i * MiB, (i + 1) * MiB)), 'untouched while held');
    slices.release();
    slices.release();
  }
  const slices = await clock.run(waits);
  t.ok(Buffer.concat(slices.parts).equals(contentOf('v1', 30 * MiB, 31 * MiB)));
});

t.test('readInto and readFile', async (t) => {
  const record = fileRecord(10, 'v1', 3 * MiB + 77);
  const { clock, client, handle } = await start(2, {}, 32 * MiB, record);
  const into = Buffer.alloc(4 * MiB);
  t.equal(await clock.run(handle.readInto(into, 100)), 3 * MiB + 77 - 100);
  t.ok(into.subarray(0, 3 * MiB - 23).equals(contentOf('v1', 100, 3 * MiB + 77)));
  t.ok((await clock.run(client.readFile('/file-10'))).equals(contentOf('v1', 0, 3 * MiB + 77)));
  await t.rejects(clock.run(client.readFile('/none')), { code: 'NOT_FOUND' });
  await t.rejects(clock.run(client.readFile('/')), { code: 'IS_A_DIRECTORY' });
  await t.rejects(clock.run(client.resolve('/file-10/x')), { code: 'NOT_A_DIRECTORY' });
  await t.rejects(client.resolve('/a/../b'), { code: 'INVALID' });
});

t.test(
  'while the master is away, known files are opened and read; when it is back it is asked again',
  async (t) => {
    const { clock, cluster, client } = await start(1);
    await clock.run(Promise.resolve(client.lookup(inodeId(1), 'file-10')));
    cluster.master.leave();
    await clock.pass(60_000);
    const entry = await clock.run(Promise.resolve(client.lookup(inodeId(1), 'file-10')));
    const handle = await clock.run(Promise.resolve(client.open(inodeId(entry.inode.ino))));
    await check(clock, handle, 0, MiB);
    cluster.master.comeBack();
    await clock.pass(1_000);
    const before = cluster.master.calls.OPEN ?? 0;
    await clock.run(Promise.resolve(client.open(inodeId(10))));
    t.equal(cluster.master.calls.OPEN, before + 1);
  },
);

t.test('pushes reach listeners: names, inodes, and datasets that came or went', async (t) => {
  const { cluster, client } = await start(1);
  const heard: unknown[] = [];
  const stop = client.onInvalidate((change) => heard.push(change));
  cluster.master.push('INVALIDATE', { entries: [], inodes: [10] });
  const [dataset] = cluster.master.datasets;
  cluster.master.push('DATASETS', {
    generation: 2,
    datasets: [dataset, { ...dataset, id: 2, path: '/more/x' }],
  });
  t.equal(client.dataset(2)?.path, '/more/x');
  stop();
  cluster.master.push('INVALIDATE', { entries: [], inodes: [11] });
  t.same(heard, [
    { entries: [], inodes: [10] },
    { entries: [{ parent: 1, name: 'more' }], inodes: [] },
  ]);
});

t.test('closing ends reads that wait', async (t) => {
  const { clock, client, handle } = await start(1, { silent: 1, originFailed: 1 });
  const read = Promise.resolve(handle.read(0, MiB));
  await clock.pass(100);
  const closed = client.close();
  await t.rejects(clock.run(read), { code: 'CANCELLED' });
  await clock.run(closed);
  await clock.pass(1_000);
  t.equal(clock.pending, 0);
  t.equal(client.stats().bufferBytes, 0);
});
