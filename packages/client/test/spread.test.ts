/** Reads of a file that many read in step, as its workers say. */
import {
  createPlacement,
  createSpread,
  DEFAULT_BLOCK_BYTES,
  fileIdOf,
  inodeId,
  MiB,
  READ_SPREAD,
  type Source,
} from '@tidecache/protocol';
import { t } from 'tap';
import { connectClient } from '../src/client.js';
import { HOT_FILE_MS, MIN_HOT_WINDOW_BYTES } from '../src/limits.js';
import { contentOf } from './doubles/content.js';
import { FakeClock } from './doubles/fake-clock.js';
import { FakeCluster, NO_FAULTS } from './doubles/fake-cluster.js';
import { fileRecord } from './doubles/fake-master.js';
import { Chance } from './doubles/random.js';

const RECORD = fileRecord(10, 'v1', 256 * MiB);
const BLOCKS = RECORD.size / DEFAULT_BLOCK_BYTES;
const WORKERS = 8;

async function start() {
  const clock = new FakeClock();
  const chance = new Chance(7);
  const cluster = new FakeCluster(clock, chance, WORKERS);
  cluster.master.addFile(RECORD);
  cluster.objects.set(RECORD.key!, RECORD.version!);
  const client = await clock.run(
    connectClient({
      master: { host: 'master', port: 1 },
      secret: 'secret',
      name: 'test',
      bufferBytes: 128 * MiB,
      clock,
      random: chance.next,
      hostId: 'here',
      createPeer: cluster.createPeer,
      openOrigin: cluster.openOrigin,
    }),
  );
  const handle = await clock.run(Promise.resolve(client.open(inodeId(10))));
  const read = async (from: number, to: number) => {
    for (let at = from; at < to; at += MiB) {
      const slices = await clock.run(Promise.resolve(handle.read(at, MiB)));
      const same = Buffer.concat(slices.parts).equals(contentOf('v1', at, at + MiB));
      slices.release();
      if (!same) throw new Error(`wrong bytes at ${at}`);
    }
  };
  const asked = () =>
    cluster.workers.flatMap(({ member, flags, blocks }) =>
      flags.map((flag, i) => ({ id: member.id, block: blocks[i]!, spread: (flag & READ_SPREAD) !== 0 })),
    );
  const forget = () => {
    for (const worker of cluster.workers) {
      worker.flags.length = 0;
      worker.blocks.length = 0;
    }
  };
  return { clock, cluster, client, read, asked, forget };
}

const placement = createPlacement({
  epoch: 1,
  members: Array.from({ length: WORKERS }, (_, i) => ({
    id: `w${i}`,
    host: 'worker',
    port: 7000 + i,
    hostId: 'elsewhere',
    weight: 1,
  })),
});
const FILE = fileIdOf(RECORD as unknown as Source);
const ownerOf = (block: number) => placement.rank(FILE, block, 1)[0]!.id;

t.test(
  'owners are asked until a worker says that the file is hot; then by its spread, for a while',
  async (t) => {
    const { clock, cluster, client, read, asked, forget } = await start();
    await read(0, 4 * MiB);
    t.ok(asked().every(({ id, block, spread }) => !spread && id === ownerOf(block)));
    cluster.hot = true;
    await read(4 * MiB, 32 * MiB);
    forget();
    await read(32 * MiB, 160 * MiB);
    const spread = createSpread(placement);
    t.ok(asked().length > 0);
    for (const { id, block, spread: isSpread } of asked()) {
      if (!isSpread || spread.pick(FILE, BLOCKS, block, 0.5)?.id !== id) t.fail(`block ${block} of ${id}`);
    }
    // All but a window, half of the client's memory, that was asked for before.
    t.ok(client.stats().spreadBytes >= 160 * MiB - 64 * MiB);
    const most = Math.max(...asked().map(({ block }) => block));
    t.ok(most * DEFAULT_BLOCK_BYTES >= 160 * MiB + MIN_HOT_WINDOW_BYTES - DEFAULT_BLOCK_BYTES, 'far ahead');
    cluster.hot = false;
    await clock.run(clock.sleep(HOT_FILE_MS));
    forget();
    await read(250 * MiB, 256 * MiB);
    t.ok(asked().every(({ spread }) => !spread));
    await clock.run(client.close());
  },
);

t.test('a worker of the spread that fails is passed over, in the order of the ranks', async (t) => {
  const { clock, cluster, client, read, asked, forget } = await start();
  cluster.hot = true;
  await read(0, 32 * MiB);
  const spread = createSpread(placement);
  const dead = cluster.workers.find(({ member }) =>
    Array.from({ length: 16 }, (_, i) => 20 + i).some(
      (block) => spread.pick(FILE, BLOCKS, block, 0.5)?.id === member.id && ownerOf(block) !== member.id,
    ),
  )!;
  dead.die();
  forget();
  await read(32 * MiB, 160 * MiB);
  t.ok(
    asked().every(
      ({ id, block, spread }) => spread || id === ownerOf(block) || ownerOf(block) === dead.member.id,
    ),
  );
  t.ok(asked().some(({ spread }) => !spread));
  t.equal(client.stats().originBytes, 0);
  await clock.run(client.close());
});

t.test(
  'who is referred asks by the spread at once, and further ahead; who is named does not refer again',
  async (t) => {
    const { clock, cluster, client, read, asked } = await start();
    cluster.faults = { ...NO_FAULTS, refers: 1 };
    await read(0, MiB);
    const spread = createSpread(placement);
    const answered = asked().filter((ask) => ask.spread);
    for (const { id, block } of answered)
      if (spread.pick(FILE, BLOCKS, block, 0.5)?.id !== id) t.fail(`${block}`);
    const referred = asked().filter((ask) => !ask.spread);
    t.ok(referred.length > 0 && referred.every(({ id, block }) => id === ownerOf(block)));
    const furthest = Math.max(...cluster.workers.flatMap(({ ranges }) => ranges.map(({ to }) => to)));
    t.ok(furthest > 2 * MiB, 'further than one that has just begun asks ahead');
    t.equal(client.stats().originBytes, 0);
    await clock.run(client.close());
  },
);

t.test('referred to a worker that is put aside: the owner is asked again, and answers', async (t) => {
  const { clock, cluster, client, read, asked, forget } = await start();
  const spread = createSpread(placement);
  const block = Array.from({ length: BLOCKS }, (_, i) => i).find(
    (i) => spread.pick(FILE, BLOCKS, i, 0.5)!.id !== ownerOf(i),
  )!;
  const named = spread.pick(FILE, BLOCKS, block, 0.5)!.id;
  const own = Array.from({ length: BLOCKS }, (_, i) => i).find((i) => ownerOf(i) === named)!;
  cluster.workers.find(({ member }) => member.id === named)!.die();
  await read(own * DEFAULT_BLOCK_BYTES, own * DEFAULT_BLOCK_BYTES + MiB);
  forget();
  cluster.faults = { ...NO_FAULTS, refers: 1 };
  await read(block * DEFAULT_BLOCK_BYTES, block * DEFAULT_BLOCK_BYTES + MiB);
  const asks = asked().filter((ask) => ask.block === block);
  t.ok(asks.length > 0);
  t.ok(asks.every(({ id }) => id === ownerOf(block)));
  t.equal(client.stats().originBytes, 0);
  await clock.run(client.close());
});
