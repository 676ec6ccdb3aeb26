/** Small files that workers on this host lend before they are read, while those workers come and go. */
import { existsSync, mkdirSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFileSystem } from '@tidecache/fuse-client';
import { type InodeId, inodeId } from '@tidecache/protocol';
import { t } from 'tap';
import { Cluster, generated, Scratch } from './lab/index.js';

const TMPFS_MAGIC = 0x01021994;
const FILES = 1500;
const FILE_BYTES = 23 << 10;
const skip =
  (!existsSync('/dev/shm') || statfsSync('/dev/shm').type !== TMPFS_MAGIC) && '/dev/shm is no tmpfs';

const nameOf = (i: number) => `f${String(i).padStart(4, '0')}`;
const contentOf = (i: number) => generated(`lent ${i}`, FILE_BYTES - (i % 100)).read(0, FILE_BYTES);

t.test('lent files', { skip, timeout: 170_000 }, async (t) => {
  const scratch = new Scratch('lent');
  t.teardown(() => scratch.clean());
  const nas = scratch.path('nas');
  mkdirSync(nas);
  for (let i = 0; i < FILES; i++) writeFileSync(join(nas, nameOf(i)), contentOf(i));
  const cluster = await Cluster.start(scratch, { workers: 3, memory: '256MiB' });
  await cluster.addDataset('/data', `nas://${nas}`, '--metadata', 'once');
  const client = await cluster.connect('lent', 16 << 20, { mapMemory: true });
  const fileSystem = createFileSystem(client, { openless: true });
  scratch.defer('open files', () => fileSystem.close());
  const directory = inodeId((await client.resolve('/data')).ino);

  /** As a mount is asked: names and reads of every file, in an order that no listing has. */
  const pass = async (step: number, fault: () => unknown = () => {}) => {
    let wrong = 0;
    const before = client.stats().mappedBytes;
    for (let n = 0; n < FILES; n++) {
      if (n === FILES / 2) fault();
      const i = (n * step) % FILES;
      if (!(await readFile(fileSystem, directory, nameOf(i))).equals(contentOf(i))) wrong++;
    }
    return { wrong, lentBytes: client.stats().mappedBytes - before };
  };

  await t.test('most of what is warm is looked at where it is', async (t) => {
    t.equal((await pass(617)).wrong, 0);
    const { wrong, lentBytes } = await pass(1);
    t.equal(wrong, 0);
    t.ok(lentBytes > FILES * FILE_BYTES * 0.7, `${lentBytes} of ${FILES * FILE_BYTES} bytes`);
  });

  await t.test('a worker is killed with its memory lent', async (t) => {
    t.equal((await pass(617, () => cluster.workers[0]!.kill())).wrong, 0);
  });

  await t.test('a worker stops while its memory is lent, and goes on', async (t) => {
    const { pid } = cluster.workers[1]!;
    scratch.defer('stopped worker', () => {
      if (cluster.workers[1]!.running) process.kill(pid, 'SIGCONT');
    });
    t.equal((await pass(1, () => process.kill(pid, 'SIGSTOP'))).wrong, 0);
    process.kill(pid, 'SIGCONT');
    t.equal((await pass(617)).wrong, 0);
  });
});

async function readFile(
  fileSystem: ReturnType<typeof createFileSystem>,
  directory: InodeId,
  name: string,
): Promise<Buffer> {
  const { inode } = await fileSystem.lookup(directory, name);
  const answer = fileSystem.readInode!(inodeId(inode.ino), 0, FILE_BYTES);
  // What is lent is there at once, and is to be looked at in this turn.
  const slices = answer instanceof Promise ? await answer : answer;
  const bytes = Buffer.concat(slices.parts);
  slices.release();
  return bytes;
}
