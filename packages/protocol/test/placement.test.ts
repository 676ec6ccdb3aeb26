import fc from 'fast-check';
import { t } from 'tap';
import type { FileId } from '../src/ids.js';
import type { Ring, RingMember } from '../src/messages.js';
import { createPlacement } from '../src/placement.js';

const member = (id: string, weight = 1): RingMember => ({ id, host: 'h', port: 1, hostId: 'h', weight });
const ringOf = (members: RingMember[]): Ring => ({ epoch: 1, members });
const workers = (count: number) => Array.from({ length: count }, (_, i) => member(`worker-${i}`));
const file = (i: number) =>
  Buffer.from(`file ${i}`.padEnd(16, '\xff'), 'latin1').toString('latin1') as FileId;
const FILES = 200;
const BLOCKS = 1000;

function* blocks(): Generator<[FileId, number]> {
  for (let i = 0; i < FILES; i++) for (let block = 0; block < BLOCKS; block++) yield [file(i), block];
}

const owners = (ring: Ring): string[] => {
  const placement = createPlacement(ring);
  return Array.from(blocks(), ([fileId, block]) => placement.rank(fileId, block, 1)[0]!.id);
};

t.test('golden: master, workers and clients of every release agree', async (t) => {
  const equal = createPlacement(ringOf(workers(20)));
  const weighted = createPlacement(ringOf(workers(20).map((one, i) => ({ ...one, weight: 1 + (i % 4) }))));
  const ids = (placement: typeof equal) =>
    [0, 1, 2, 1000].map((block) =>
      placement
        .rank(file(1), block, 3)
        .map(({ id }) => id.slice(7))
        .join(' '),
    );
  t.same(ids(equal), ['4 6 16', '4 2 19', '3 10 17', '13 10 19']);
  t.same(ids(weighted), ['6 19 11', '19 2 4', '3 10 17', '10 13 19']);
});

t.test('20 equal workers share 200 000 blocks: the fullest has at most 1.05 of the mean', async (t) => {
  const count = new Map<string, number>();
  for (const owner of owners(ringOf(workers(20)))) count.set(owner, (count.get(owner) ?? 0) + 1);
  const ratio = Math.max(...count.values()) / ((FILES * BLOCKS) / 20);
  t.ok(ratio <= 1.05, `peak ⁄ mean ${ratio}`);
  t.equal(count.size, 20);
});

t.test(
  'one worker more or fewer moves at most 1.05 of what must move, and nothing between the others',
  async (t) => {
    const [before, after] = [owners(ringOf(workers(20))), owners(ringOf(workers(21)))];
    let moved = 0;
    for (const [i, owner] of before.entries()) {
      if (owner === after[i]) continue;
      moved++;
      if (after[i] !== 'worker-20') t.fail('moved to an old worker');
    }
    const least = (FILES * BLOCKS) / 21;
    t.ok(moved <= 1.05 * least, `${moved} moved, at least ${Math.round(least)} had to`);
  },
);

t.test('the share follows the weight', async (t) => {
  const weights = [1, 1, 2, 3, 5, 8];
  const total = weights.reduce((sum, one) => sum + one, 0);
  const ring = ringOf(weights.map((weight, i) => member(`w${i}`, weight * 2 ** 30)));
  const counts = new Map<string, number>();
  for (const owner of owners(ring)) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  for (const [i, weight] of weights.entries()) {
    const share = weight / total;
    const n = FILES * BLOCKS;
    // Five standard deviations of a binomial draw.
    const tolerance = 5 * Math.sqrt(n * share * (1 - share));
    const count = counts.get(`w${i}`) ?? 0;
    t.ok(
      Math.abs(count - n * share) <= tolerance,
      `w${i}: ${count} of ${Math.round(n * share)} ± ${Math.round(tolerance)}`,
    );
  }
});

t.test('second and third choices of one owner are spread over all the others', async (t) => {
  const placement = createPlacement(ringOf(workers(10)));
  const second = new Map<string, number>();
  let owned = 0;
  for (const [fileId, block] of blocks()) {
    const [owner, next] = placement.rank(fileId, block, 2);
    if (owner!.id !== 'worker-3') continue;
    owned++;
    second.set(next!.id, (second.get(next!.id) ?? 0) + 1);
  }
  t.equal(second.size, 9);
  const mean = owned / 9;
  const tolerance = 5 * Math.sqrt(mean);
  for (const [id, count] of second)
    t.ok(Math.abs(count - mean) <= tolerance, `${id}: ${count} of ${Math.round(mean)}`);
});

t.test('properties, over weights and churn', async (t) => {
  const seed = Date.now() >>> 0;
  t.comment(`seed ${seed}`);
  const members = fc.uniqueArray(
    fc.record({
      id: fc.string({ minLength: 1, maxLength: 20 }),
      weight: fc.double({ min: 1e-3, max: 1e15, noNaN: true }),
    }),
    { selector: ({ id }) => id, minLength: 1, maxLength: 30 },
  );
  const block = fc.record({
    fileId: fc
      .uint8Array({ minLength: 16, maxLength: 16 })
      .map((b) => Buffer.from(b).toString('latin1') as FileId),
    index: fc.nat(0xffff_ffff),
  });
  fc.assert(
    fc.property(members, block, fc.nat(), fc.nat(40), (list, { fileId, index }, pick, count) => {
      const ring = ringOf(list.map(({ id, weight }) => member(id, weight)));
      const all = createPlacement(ring)
        .rank(fileId, index, 1000)
        .map(({ id }) => id);
      // Distinct, and everybody is there.
      if (new Set(all).size !== list.length) return false;
      // Fewer are the first of all.
      const some = createPlacement(ring)
        .rank(fileId, index, count)
        .map(({ id }) => id);
      if (some.join('\0') !== all.slice(0, count).join('\0')) return false;
      // Neither the message's order nor a repetition in it matters.
      const shuffled = ringOf([...ring.members, ring.members[0]!].reverse());
      const again = createPlacement(shuffled)
        .rank(fileId, index, 1000)
        .map(({ id }) => id);
      if (again.join('\0') !== all.join('\0')) return false;
      // Whoever leaves, the others keep their order.
      const gone = list[pick % list.length]!.id;
      const rest = ringOf(ring.members.filter(({ id }) => id !== gone));
      const left = createPlacement(rest)
        .rank(fileId, index, 1000)
        .map(({ id }) => id);
      return left.join('\0') === all.filter((id) => id !== gone).join('\0');
    }),
    { seed, numRuns: 500 },
  );
  t.pass('500 rings');
});

t.test('an empty ring, and none asked for', async (t) => {
  t.same(createPlacement(ringOf([])).rank(file(0), 0, 3), []);
  t.same(createPlacement(ringOf(workers(2))).rank(file(0), 0, 0), []);
  t.equal(createPlacement(ringOf(workers(2))).rank(file(0), 0, 5).length, 2);
});
