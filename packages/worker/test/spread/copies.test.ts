import {
  createPlacement,
  createSpread,
  DEFAULT_BLOCK_BYTES,
  decodeRead,
  fileIdOf,
  KiB,
  READ_SPREAD,
  READ_WHOLE_BLOCK,
  type Ring,
  TidecacheError,
} from '@tidecache/protocol';
import { t } from 'tap';
import { COPY_AHEAD_GROUPS } from '../../src/limits.js';
import { FakeNeighbour } from '../support/fake-neighbour.js';
import { settle } from '../support/fake-origin.js';
import { bytesOf, fixture, sourceOf } from '../support/fixture.js';

const BLOCKS = 40;
const SOURCE = sourceOf('hot', BLOCKS * DEFAULT_BLOCK_BYTES);
const FILE = fileIdOf(SOURCE);
const HOT = READ_WHOLE_BLOCK | READ_SPREAD;
const member = (id: string, port: number) => ({ id, host: 'h', port, hostId: 'h', weight: 1 });
const RING: Ring = { epoch: 1, members: [member('w0', 1), member('w1', 2)] };
const ownedBy = (id: string) => {
  const placement = createPlacement(RING);
  return Array.from({ length: BLOCKS }, (_, block) => block).filter(
    (block) => placement.rank(FILE, block, 1)[0]!.id === id,
  );
};

/** Two workers of one ring: `replica` is w0, `owner` is w1. */
function pair() {
  const owner = fixture({ id: 'w1', auto: true, memoryBytes: 256 * 1024 * KiB });
  const neighbour = new FakeNeighbour(owner);
  const replica = fixture({
    id: 'w0',
    auto: true,
    memoryBytes: 256 * 1024 * KiB,
    connect: () => neighbour,
  });
  for (const worker of [owner, replica]) worker.neighbours.setRing(RING);
  return { owner, replica, neighbour };
}

async function read(worker: ReturnType<typeof fixture>, block: number, flags: number) {
  const exchange = worker.ask(SOURCE, { block, offset: 0, length: 64 * KiB, flags });
  for (let i = 0; i < 50 && !exchange.ended; i++) await settle();
  for (let i = 0; i < 10; i++) await settle();
  return exchange;
}

const expected = (block: number) => bytesOf(SOURCE, block * DEFAULT_BLOCK_BYTES, 64 * KiB);
/** A block whose next groups have nothing to copy ahead. */
const lastOf = (blocks: number[]) => blocks.at(-1)!;

t.test('a replica is copied from its owner; the origin sends each byte once', async (t) => {
  const { owner, replica } = pair();
  const block = lastOf(ownedBy('w1'));
  const [first, second] = [read(replica, block, HOT), read(replica, block, HOT)];
  for (const exchange of await Promise.all([first, second])) t.ok(exchange.bytes.equals(expected(block)));
  t.equal(owner.fake.reads.length, 1);
  t.equal(replica.fake.reads.length, 0);
  t.equal(replica.reads.filler.copiedBytes, DEFAULT_BLOCK_BYTES, 'once, however many ask');
  t.equal(replica.reads.filler.filledBytes, 0);
  t.equal(await replica.drain(), 0);
  t.equal(await owner.drain(), 0);
});

t.test('an owner that fails, also half-way, is replaced by the origin', async (t) => {
  for (const bytes of [0, 1024 * KiB]) {
    const { replica, neighbour } = pair();
    neighbour.failAfter = { bytes, error: new TidecacheError('UNREACHABLE', 'it is gone') };
    const block = lastOf(ownedBy('w1'));
    const exchange = await read(replica, block, HOT);
    t.ok(exchange.bytes.equals(expected(block)));
    t.same(
      replica.fake.reads.map(({ call }) => [call.offset, call.length]),
      [[block * DEFAULT_BLOCK_BYTES + bytes, DEFAULT_BLOCK_BYTES - bytes]],
      'what it gave is kept',
    );
    t.equal(replica.reads.filler.copyFailures, 1);
    t.equal(await replica.drain(), 0);
  }
});

t.test('a version that is gone is gone at the replica too', async (t) => {
  const { owner, replica } = pair();
  owner.fake.failWith = () => new TidecacheError('STALE', 'another version by now');
  const exchange = await read(replica, lastOf(ownedBy('w1')), HOT);
  t.equal(exchange.error?.code, 'STALE');
  t.equal(replica.fake.reads.length, 0);
  t.equal(await replica.drain(), 0);
});

t.test('without READ_SPREAD nobody else is asked, so nothing is passed on twice', async (t) => {
  const { replica, neighbour } = pair();
  const [theirs, own] = [lastOf(ownedBy('w1')), lastOf(ownedBy('w0'))];
  await read(replica, theirs, READ_WHOLE_BLOCK);
  await read(replica, own, HOT);
  t.equal(neighbour.asked.length, 0);
  t.equal(replica.fake.reads.length, 2);
  t.equal(await replica.drain(), 0);
});

t.test('what will be asked for next is copied ahead, once', async (t) => {
  const { replica, neighbour } = pair();
  const spread = createSpread(createPlacement(RING));
  const theirsAfter = (block: number) => {
    const group = Math.floor(block / spread.groupBlocks);
    return Array.from({ length: COPY_AHEAD_GROUPS }, (_, i) =>
      spread.sharesOf('w0', FILE, BLOCKS, group + 1 + i),
    )
      .flat()
      .filter((share) => ownedBy('w1').includes(share));
  };
  const begin = ownedBy('w0').find((block) => theirsAfter(block).length > 0)!;
  const theirs = theirsAfter(begin);
  await read(replica, begin, HOT);
  await read(replica, begin, HOT);
  t.same(neighbour.asked.map((body) => decodeRead(body).blockIndex).sort(), theirs.sort());
  t.ok(neighbour.asked.every((body) => (decodeRead(body).flags & READ_SPREAD) === 0));
  t.equal(await replica.drain(), 0);
});
