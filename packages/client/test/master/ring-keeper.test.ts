import { LEASE_MS, type Ring } from '@tidecache/protocol';
import { t } from 'tap';
import { RingKeeper } from '../../src/master/ring-keeper.js';
import { FakeClock } from '../doubles/fake-clock.js';

const ring = (epoch: number, ...ids: string[]): Ring => ({
  epoch,
  members: ids.map((id) => ({ id, host: 'h', port: 1, hostId: 'x', weight: 1 })),
});

function keeper() {
  const clock = new FakeClock();
  const adopted: number[] = [];
  return { clock, adopted, rings: new RingKeeper(clock, ({ epoch }) => adopted.push(epoch)) };
}

t.test('pushes count at once, and epochs only grow', async (t) => {
  const { rings, adopted } = keeper();
  rings.attached(ring(5, 'a', 'b'), true);
  rings.pushed(ring(7, 'a'));
  rings.pushed(ring(6, 'a', 'b'));
  t.same(adopted, [5, 7]);
});

t.test('a master that has just started does not empty the ring', async (t) => {
  const { rings, adopted, clock } = keeper();
  rings.attached(ring(5, 'a', 'b', 'c'), true);
  rings.attached(ring(6), true);
  rings.pushed(ring(7, 'b'));
  rings.pushed(ring(8, 'b', 'a'));
  t.same(adopted, [5], 'some are missing still');
  rings.pushed(ring(9, 'b', 'a', 'c', 'd'));
  t.same(adopted, [5, 9], 'all came back');
  await clock.pass(LEASE_MS);
  t.same(adopted, [5, 9]);
  t.equal(clock.pending, 0);
});

t.test('who does not come back within a lease is gone', async (t) => {
  const { rings, adopted, clock } = keeper();
  rings.attached(ring(5, 'a', 'b'), true);
  rings.attached(ring(6), true);
  rings.pushed(ring(7, 'b'));
  await clock.pass(LEASE_MS + 1);
  t.same(adopted, [5, 7]);
  rings.pushed(ring(8));
  t.same(adopted, [5, 7, 8]);
});

t.test('another cluster starts its epochs anew', async (t) => {
  const { rings, adopted } = keeper();
  rings.attached(ring(5, 'a'), true);
  rings.attached(ring(1, 'z'), false);
  t.same(adopted, [5, 1]);
});
