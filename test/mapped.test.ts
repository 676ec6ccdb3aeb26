/** A client that maps the memory of workers on its host, which come and go under it. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, statfsSync } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { t } from 'tap';
import { Cluster, chunksOf, generated, Scratch } from './lab/index.js';

const TMPFS_MAGIC = 0x01021994;
const FILE_BYTES = 192 << 20;
const content = generated('mapped', FILE_BYTES);
const skip =
  (!existsSync('/dev/shm') || statfsSync('/dev/shm').type !== TMPFS_MAGIC) && '/dev/shm is no tmpfs';

t.test('mapped memory', { skip, timeout: 170_000 }, async (t) => {
  const scratch = new Scratch('mapped');
  t.teardown(() => scratch.clean());
  const nas = scratch.path('nas');
  mkdirSync(nas);
  await writeFile(join(nas, 'large'), chunksOf(content));
  const cluster = await Cluster.start(scratch, { workers: 3, memory: '256MiB' });
  await cluster.addDataset('/data', `nas://${nas}`, '--metadata', 'once');
  const client = await cluster.connect('mapped', 8 << 20, { mapMemory: true });
  const handle = await client.open((await client.resolve('/data/large')).ino as never);
  const readWhole = async (fault: () => Promise<unknown> = async () => {}) => {
    const hash = createHash('sha256');
    const chunk = Buffer.alloc(1 << 20);
    for (let at = 0; at < FILE_BYTES; at += chunk.length) {
      if (at === FILE_BYTES / 2) await fault();
      await handle.readInto(chunk, at);
      hash.update(chunk);
    }
    return hash.digest('hex');
  };

  await t.test('a warm read receives nothing', async (t) => {
    t.equal(await readWhole(), content.sha256());
    const before = client.stats().mappedBytes;
    t.equal(await readWhole(), content.sha256());
    const mapped = client.stats().mappedBytes - before;
    t.ok(mapped >= FILE_BYTES * 0.9, `${mapped} of ${FILE_BYTES} bytes were looked at where they are`);
  });

  await t.test('a worker is killed with its memory lent', async (t) => {
    t.equal(await readWhole(() => cluster.workers[0]!.kill()), content.sha256());
  });

  await t.test('a worker stops while its memory is lent, and goes on', async (t) => {
    const { pid } = cluster.workers[1]!;
    scratch.defer('stopped worker', () => {
      if (cluster.workers[1]!.running) process.kill(pid, 'SIGCONT');
    });
    t.equal(await readWhole(async () => process.kill(pid, 'SIGSTOP')), content.sha256());
    process.kill(pid, 'SIGCONT');
    t.equal(await readWhole(), content.sha256());
  });

  await t.test('nothing is left', async (t) => {
    handle.close();
    await client.close();
    // The first was killed: the next worker on the host removes what it left.
    await cluster.addWorker({ memory: '256MiB' });
    const pids = cluster.workers.map(({ pid }) => pid);
    for (const worker of cluster.workers) await worker.stop();
    const left = readdirSync('/dev/shm').filter((name) => name.startsWith('tidecache-'));
    t.same(await ownedBy(left, pids), []);
  });
});

async function ownedBy(names: readonly string[], pids: readonly number[]): Promise<string[]> {
  const owned: string[] = [];
  for (const name of names.filter((name) => name.endsWith('.owner'))) {
    const file = await open(join('/dev/shm', name)).catch(() => undefined);
    const text = await file?.readFile('utf8');
    await file?.close();
    if (text !== undefined && pids.includes((JSON.parse(text) as { pid: number }).pid)) owned.push(name);
  }
  return owned;
}
