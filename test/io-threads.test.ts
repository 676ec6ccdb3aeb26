/** A mount that receives in I/O threads: bytes, readers that go away, and the deaths of threads and workers. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Test, t } from 'tap';
import { Cluster, chunksOf, generated, readThrough, Scratch, whyNoMount } from './lab/index.js';

const FILE_BYTES = (96 << 20) + 4321;
const CHUNK_BYTES = 1 << 20;
const content = generated('io-threads', FILE_BYTES);
const TCP_ALONE = { memory: '256MiB', unixSockets: false };

t.test('I/O threads', { skip: whyNoMount() ?? false, timeout: 170_000 }, async (t) => {
  const scratch = new Scratch('io-threads');
  t.teardown(() => scratch.clean());
  const nas = scratch.path('nas');
  mkdirSync(nas);
  await writeFile(join(nas, 'large'), chunksOf(content));
  const cluster = await Cluster.start(scratch, { workers: 2, ...TCP_ALONE });
  // Its memory is mapped: from this one nothing is received.
  await cluster.addWorker({ memory: '256MiB' });
  await cluster.addDataset('/data', `nas://${nas}`, '--metadata', 'once');

  const mark = scratch.path('throw');
  const hook = scratch.path('throw.cjs');
  // Runs in every thread, before anything of ours: in an I/O thread it throws where nothing catches, once for each mark.
  writeFileSync(
    hook,
    `const { workerData } = require('node:worker_threads');
     const { unlinkSync } = require('node:fs');
     const look = () => {
       try { unlinkSync(${JSON.stringify(mark)}); } catch { return; }
       throw new Error('thrown by the test');
     };
     if (workerData?.ioThread !== undefined) setInterval(look, 10).unref();`,
  );
  cluster.env.NODE_OPTIONS = `--require ${hook}`;
  const { dir, service, unmount } = await cluster.mount('kernel', undefined, '--io-threads', '2');
  delete cluster.env.NODE_OPTIONS;
  const path = join(dir, 'data/large');
  const deaths = () =>
    service.output.match(/ended by itself: I\/O thread \d: thrown by the test/g)?.length ?? 0;

  const readWhole = async (t: Test, fault: () => unknown = () => {}) => {
    const { sha256 } = await readThrough(path, FILE_BYTES, 32 << 20, fault);
    t.equal(sha256, content.sha256(), 'identical bytes');
  };

  await t.test('cold, then warm, from each worker', async (t) => {
    await readWhole(t);
    await readWhole(t);
    for (const { id, stats } of await cluster.workerStatus()) t.ok(stats.servedBytes > 0, `${id} serves`);
  });

  await t.test('a reader that goes away half-way leaves others their bytes', async (t) => {
    await readWhole(t, async () => {
      const handle = await open(path);
      // Far enough for much to be on its way, which is then called off.
      for (const from of [40, 41, 42, 43]) {
        await handle.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, from * CHUNK_BYTES);
      }
      await handle.close();
    });
  });

  await t.test('threads throw half-way, one after another: reads go on, and the log says why', async (t) => {
    for (const count of [1, 2, 3]) {
      await readWhole(t, () => writeFileSync(mark, ''));
      await service.line(`death ${count} of a thread`, () => (deaths() === count ? true : undefined));
    }
  });

  await t.test('a worker is killed half-way', (t) => readWhole(t, () => cluster.workers[0]!.kill()));

  await t.test('an orderly end', async (t) => {
    t.equal(await unmount(), 0);
  });
});
