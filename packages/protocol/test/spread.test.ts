import fc from 'fast-check';
import { t } from 'tap';
import type { FileId } from '../src/ids.js';
import type { Ring, RingMember } from '../src/messages.js';
import { createPlacement } from '../src/placement.js';
import { createSpread, MAX_SPREAD_GROUP, MAX_SPREAD_WORKERS } from '../src/spread.js';

const member = (id: string): RingMember => ({ id, host: 'h', port: 1, hostId: 'h', weight: 1 });
const ringOf = (count: number): Ring => ({
  epoch: 1,
  members: Array.from({ length: count }, (_, i) => member(`w${i}`)),
});
const file = (i: number) =>
  Buffer.from(`file ${i}`.padEnd(16, '\xff'), 'latin1').toString('latin1') as FileId;

t.test('as many blocks in a row as there are workers go to one worker each', async (t) => {
  const placement = createPlacement(ringOf(20));
  const spread = createSpread(placement);
  let atOwner = 0;
  for (let group = 0; group < 50; group++) {
    const picked = new Set<string>();
    for (let block = group * 20; block < (group + 1) * 20; block++) {
      const { id } = spread.pick(file(1), 1000, block, 0.99)!;
      picked.add(id);
      if (placement.rank(file(1), block, 1)[0]!.id === id) atOwner++;
    }
    t.equal(picked.size, 20, `group ${group}`);
  }
  t.ok(atOwner > 600, `${atOwner} of 1000 blocks stay at their owner`);
});

t.test('where fewer blocks are left than workers, readers share them out', async (t) => {
  const spread = createSpread(createPlacement(ringOf(20)));
  const readers = 1000;
  for (const blocks of [5, 8, 13, 28]) {
    const asked = new Map<string, number>();
    const first = blocks - (blocks % 20);
    for (let reader = 0; reader < readers; reader++) {
      for (let block = first; block < blocks; block++) {
        const { id } = spread.pick(file(2), blocks, block, reader / readers)!;
        asked.set(id, (asked.get(id) ?? 0) + 1);
      }
    }
    const mean = ((blocks - first) * readers) / 20;
    t.equal(asked.size, 20);
    t.ok(Math.max(...asked.values()) <= mean * 1.02, `${blocks} blocks: ${Math.max(...asked.values())}`);
  }
});

t.test('properties', async (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 200 }),
      fc.nat(),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (workers, blocks, pick, phase) => {
        const spread = createSpread(createPlacement(ringOf(workers)));
        const again = createSpread(
          createPlacement({ ...ringOf(workers), members: [...ringOf(workers).members].reverse() }),
        );
        const block = pick % blocks;
        const picked = spread.pick(file(3), blocks, block, phase);
        if (!picked || picked.id !== again.pick(file(3), blocks, block, phase)?.id) return false;
        const group = Math.floor(block / spread.groupBlocks);
        const serving = ringOf(workers).members.filter(({ id }) =>
          spread.sharesOf(id, file(3), blocks, group).includes(block),
        );
        // Whoever is picked knows that it is; and a block has few replicas, a boundary's two included.
        if (!serving.some(({ id }) => id === picked.id)) return false;
        return spread.groupBlocks <= MAX_SPREAD_GROUP && serving.length <= MAX_SPREAD_WORKERS + 1;
      },
    ),
  );
  t.pass();
});

t.test('an empty ring, and a block past the end', async (t) => {
  const empty = createSpread(createPlacement(ringOf(0)));
  t.equal(empty.pick(file(0), 3, 0, 0), undefined);
  t.same(empty.sharesOf('w0', file(0), 3, 0), []);
  t.equal(createSpread(createPlacement(ringOf(2))).pick(file(0), 3, 3, 0), undefined);
  t.same(createSpread(createPlacement(ringOf(2))).sharesOf('w0', file(0), 3, 9), []);
});
