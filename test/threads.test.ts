/** Workers of several threads, behind a real mount: bytes, deaths of processes and of threads, and an orderly end. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Test, t } from 'tap';
import { Cluster, chunksOf, generated, readThrough, Scratch, whyNoMount } from './lab/index.js';

const FILE_BYTES = (96 << 20) + 4321;
const content = generated('threads', FILE_BYTES);
const MEMORY = { memory: '256MiB' };

t.test('threads', { skip: whyNoMount() ?? false, timeout: 170_000 }, async (t) => {
  const scratch = new Scratch('threads');
  t.teardown(() => scratch.clean());
  const nas = scratch.path('nas');
  mkdirSync(nas);
  await writeFile(join(nas, 'large'), chunksOf(content));
  const cluster = await Cluster.start(scratch, { workers: 0, ...MEMORY });
  await cluster.addDataset('/data', `nas://${nas}`, '--metadata', 'once');
  cluster.env.TIDECACHE_WORKER_THREADS = '2';
  await cluster.addWorker(MEMORY);
  await cluster.addWorker({ ...MEMORY, unixSockets: false });
  const { dir, unmount } = await cluster.mount();
  const path = join(dir, 'data/large');

  const readWhole = async (t: Test, fault: () => unknown = () => {}) => {
    const { sha256 } = await readThrough(path, FILE_BYTES, 32 << 20, fault);
    t.equal(sha256, content.sha256(), 'identical bytes');
  };

  await t.test('cold, then warm', async (t) => {
    await readWhole(t);
    await readWhole(t);
    t.equal(readdirSync(scratch.path('.')).filter((name) => /^worker-1\.sock/.test(name)).length, 2);
  });

  await t.test('a worker is killed half-way', (t) => readWhole(t, () => cluster.workers[0]!.kill()));

  await t.test('a thread throws half-way: its worker ends, and says why', async (t) => {
    const mark = scratch.path('throw');
    const hook = scratch.path('throw.cjs');
    // Runs in every thread, before anything of ours: in a lane's, it throws where nothing catches once the file is there.
    writeFileSync(
      hook,
      `const { workerData } = require('node:worker_threads');
       const { existsSync } = require('node:fs');
       const look = () => { if (existsSync(${JSON.stringify(mark)})) throw new Error('thrown by the test'); };
       if (workerData?.init) setInterval(look, 10).unref();`,
    );
    cluster.env.NODE_OPTIONS = `--require ${hook}`;
    const service = await cluster.addWorker(MEMORY);
    delete cluster.env.NODE_OPTIONS;
    await readWhole(t, () => writeFileSync(mark, ''));
    t.equal(await service.exited, 1);
    t.match(service.output, /worker worker-3, thread \d: thrown by the test/);
    t.notOk(existsSync(scratch.path('worker-3.sock.1')), 'no socket is left');
  });

  await t.test('an orderly end', async (t) => {
    t.equal(await cluster.workers[1]!.stop(), 0);
    t.equal(await unmount(), 0);
  });
});
