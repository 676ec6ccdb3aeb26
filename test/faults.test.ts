/** Parts that die while files are being read, as an application behind a real mount sees it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { READ_DEADLINE_MS } from '@tidecache/protocol';
import { t } from 'tap';
import { Cluster, chunksOf, generated, readThrough, Scratch, whyNoMount } from './lab/index.js';

const FILE_BYTES = 256 << 20;
const content = generated('faults', FILE_BYTES);

t.test('faults', { skip: whyNoMount() ?? false, timeout: 170_000 }, async (t) => {
  const scratch = new Scratch('faults');
  t.teardown(() => scratch.clean());
  const nas = scratch.path('nas');
  mkdirSync(nas);
  await writeFile(join(nas, 'large'), chunksOf(content));
  writeFileSync(join(nas, 'known'), 'known');
  writeFileSync(join(nas, 'unknown'), 'unknown');
  const cluster = await Cluster.start(scratch, { workers: 3, memory: '256MiB' });
  await cluster.addDataset('/data', `nas://${nas}`, '--metadata', 'ttl=1h');
  const { dir } = await cluster.mount();
  const path = (name: string) => join(dir, 'data', name);

  /** Reads the large file whole, runs `fault` when half of it has come; checks bytes and the longest wait. */
  const readWhole = async (t: Tap, fault: () => Promise<unknown>) => {
    const { sha256, longestMs } = await readThrough(path('large'), FILE_BYTES, FILE_BYTES / 2, fault);
    t.equal(sha256, content.sha256(), 'identical bytes');
    t.ok(longestMs < READ_DEADLINE_MS, `no read longer than its deadline: ${longestMs.toFixed(0)} ms`);
  };

  await t.test('a worker is killed', (t) => readWhole(t, () => cluster.workers[0]!.kill()));

  await t.test('a worker stops answering, its connections open', async (t) => {
    const { pid } = cluster.workers[1]!;
    const resume = () => process.kill(pid, 'SIGCONT');
    scratch.defer('stopped worker', () => {
      if (cluster.workers[1]!.running) resume();
    });
    await readWhole(t, async () => process.kill(pid, 'SIGSTOP'));
    resume();
  });

  await t.test('every worker is killed', (t) =>
    readWhole(t, () => Promise.all(cluster.workers.map((worker) => worker.kill()))),
  );

  await t.test('workers come back', async (t) => {
    await cluster.addWorker({ memory: '256MiB' });
    await readWhole(t, async () => undefined);
    const [worker] = (await cluster.workerStatus()).filter(({ stats }) => stats.servedBytes > 0);
    t.ok(worker, 'the new worker serves');
  });

  await t.test('the master is killed', async (t) => {
    const before = await stat(path('known'));
    t.equal(await readFile(path('known'), 'utf8'), 'known');
    await cluster.master.kill();
    t.equal(await readFile(path('known'), 'utf8'), 'known', 'a known file stays readable');
    await readWhole(t, async () => undefined);
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
