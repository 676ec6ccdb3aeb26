import { t } from 'tap';
import { BuddyAllocator } from '../../src/memory/buddy.js';
import { seeded } from '../support/random.js';

t.test('an extent of any length is contiguous, and costs what it holds', async (t) => {
  const buddy = new BuddyAllocator(64, 5);
  t.equal(buddy.allocate(5), 0);
  t.equal(buddy.freeUnits, 59);
  t.equal(buddy.allocate(1), 5, 'the trimmed tail serves others');
  t.equal(buddy.allocate(2), 6);
  buddy.check();
  t.equal(buddy.allocate(32), 32);
  t.equal(buddy.allocate(32), -1, 'too cut up');
  t.equal(buddy.allocate(16), 16);
  t.equal(buddy.freeUnits, 8);
});

t.test('refuses what can only be a mistake', async (t) => {
  const buddy = new BuddyAllocator(64, 5);
  t.throws(() => new BuddyAllocator(65, 5), /multiple/);
  t.throws(() => buddy.allocate(0), RangeError);
  t.throws(() => buddy.allocate(33), RangeError);
  const unit = buddy.allocate(4);
  buddy.free(unit, 4);
  t.throws(() => buddy.free(unit, 4), /not allocated/, 'a double free');
  t.throws(() => buddy.free(60, 8), /not allocated/, 'past the end');
});

t.test('part of an extent can go back', async (t) => {
  const buddy = new BuddyAllocator(32, 5);
  const unit = buddy.allocate(32);
  buddy.free(unit + 5, 27);
  buddy.check();
  t.equal(buddy.freeUnits, 27);
  buddy.free(unit, 5);
  buddy.check();
  t.equal(buddy.allocate(32), 0, 'all merged');
});

t.test('whatever is allocated and freed, nothing overlaps and all merges back', async (t) => {
  const random = seeded();
  const topOrder = 6;
  const buddy = new BuddyAllocator(64 * 20, topOrder);
  const owner = new Int32Array(buddy.units);
  const held = new Map<number, { first: number; count: number }>();
  for (let id = 1; id <= 20_000; id++) {
    if (random.chance(0.55)) {
      const count = 1 + random.below(random.chance(0.3) ? 64 : 8);
      const first = buddy.allocate(count);
      if (first < 0) continue;
      for (let unit = first; unit < first + count; unit++) {
        if (owner[unit] !== 0) t.fail(`unit ${unit} was given twice`);
        owner[unit] = id;
      }
      held.set(id, { first, count });
    } else if (held.size > 0) {
      const [key, extent] = [...held][random.below(held.size)]!;
      held.delete(key);
      // A part of it first, sometimes: what a failed fill does.
      const kept = random.chance(0.3) ? random.below(extent.count) : 0;
      for (let unit = extent.first; unit < extent.first + extent.count; unit++) {
        if (owner[unit] !== key) t.fail(`unit ${unit} changed hands`);
        owner[unit] = 0;
      }
      buddy.free(extent.first + kept, extent.count - kept);
      if (kept > 0) buddy.free(extent.first, kept);
    }
    if (id % 500 === 0) buddy.check();
  }
  for (const { first, count } of held.values()) buddy.free(first, count);
  buddy.check();
  t.equal(buddy.freeUnits, buddy.units);
  for (let i = 0; i < 20; i++) t.not(buddy.allocate(64), -1, 'every top-level area is whole again');
});
