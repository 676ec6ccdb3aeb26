/** Parts that die while files are being read, as an application behind a real mount sees it. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { READ_DEADLINE_MS } from '@tidecache/protocol';
import { t } from 'tap';
import { Cluster, chunksOf, dropPageCache, generated, Scratch, whyNoMount } from './lab/index.js';

const FILE_BYTES = 256 << 20;
const CHUNK_BYTES = 1 << 20;
const content = generated('faults', FILE_BYTES);

t.test('faults', { skip: whyNoMount() ?? false, timeout: 170_000 }, async (t) => {
  const scratch = new Scratch('faults');
  t.teardown(() => scratch.clean());
  const nas = scratch.path('nas');
  mkdirSync(nas);
  const file = await open(join(nas, 'large'), 'w');
  for (const chunk of chunksOf(content)) await file.write(chunk);
  await file.close();
  writeFileSync(join(nas, 'known'), 'known');
  writeFileSync(join(nas, 'unknown'), 'unknown');
  const cluster = await Cluster.start(scratch, { workers: 3, memory: '256MiB' });
  await cluster.addDataset('/data', `nas://${nas}`, '--metadata', 'ttl=1h');
  const { dir } = await cluster.mount();
  const path = (name: string) => join(dir, 'data', name);

  /** Reads the large file whole, runs `fault` when half of it has come; checks bytes and the longest wait. */
  const readThrough = async (t: Tap, fault: () => Promise<unknown>) => {
    await dropPageCache(path('large'));
    const hash = createHash('sha256');
    const handle = await open(path('large'));
    let longestMs = 0;
    for (let at = 0; at < FILE_BYTES; at += CHUNK_BYTES) {
      if (at === FILE_BYTES / 2) await fault();
      const startedAt = performance.now();
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, at);
      longestMs = Math.max(longestMs, performance.now() - startedAt);
      hash.update(buffer.subarray(0, bytesRead));
    }
    await handle.close();
    t.equal(hash.digest('hex'), content.sha256(), 'identical bytes');
    t.ok(longestMs < READ_DEADLINE_MS, `no read longer than its deadline: ${longestMs.toFixed(0)} ms`);
  };

  await t.test('a worker is killed', (t) => readThrough(t, () => cluster.workers[0]!.kill()));

  await t.test('a worker stops answering, its connections open', async (t) => {
    const { pid } = cluster.workers[1]!;
    const resume = () => process.kill(pid, 'SIGCONT');
    scratch.defer('stopped worker', () => {
      if (cluster.workers[1]!.running) resume();
    });
    await readThrough(t, async () => process.kill(pid, 'SIGSTOP'));
    resume();
  });

  await t.test('every worker is killed', (t) =>
    readThrough(t, () => Promise.all(cluster.workers.map((worker) => worker.kill()))),
  );

  await t.test('workers come back', async (t) => {
    await cluster.addWorker({ memory: '256MiB' });
    await readThrough(t, async () => undefined);
    const [worker] = (await cluster.workerStatus()).filter(({ stats }) => stats.servedBytes > 0);
    t.ok(worker, 'the new worker serves');
  });

  await t.test('the master is killed', async (t) => {
    const before = await stat(path('known'));
    t.equal(await readFile(path('known'), 'utf8'), 'known');
    await cluster.master.kill();
    t.equal(await readFile(path('known'), 'utf8'), 'known', 'a known file stays readable');
    await readThrough(t, async () => undefined);
    const waiting = readFile(path('unknown'), 'utf8');
    await cluster.startMaster();
    t.equal(await waiting, 'unknown', 'an unknown one waits for the master');
    const fresh = await cluster.mount();
    t.equal((await stat(join(fresh.dir, 'data/known'))).ino, before.ino, 'inode numbers are the same after');
    await fresh.unmount();
  });
});

interface Tap {
  equal(found: unknown, wanted: unknown, what: string): unknown;
  ok(found: unknown, what: string): unknown;
}
