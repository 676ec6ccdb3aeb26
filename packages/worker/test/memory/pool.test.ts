import { GiB, KiB, MiB } from '@tidecache/protocol';
import { t } from 'tap';
import { MAX_EXTENT_BYTES, MIN_MEMORY_BYTES } from '../../src/limits.js';
import { Pool } from '../../src/memory/pool.js';

t.test('a budget that is too small, or no number, is refused with what is needed', async (t) => {
  for (const bytes of [0, -1, 1.5, Number.NaN, MIN_MEMORY_BYTES - 1]) {
    t.throws(() => new Pool(bytes), { code: 'INVALID', message: /at least 64 MiB/ }, String(bytes));
  }
});

t.test('a budget that the host does not have is refused', async (t) => {
  t.throws(() => new Pool(2 ** 52), { code: 'NO_SPACE', message: /give the worker less/ });
  t.throws(() => new Pool(128 * MiB, 100 * MiB), { code: 'NO_SPACE', message: /has 100 MiB/ });
});

t.test('the budget is never exceeded, and rounded down to whole extents', async (t) => {
  const pool = new Pool(64 * MiB + 123_456);
  t.equal(pool.capacityBytes, 64 * MiB);
  let extents = 0;
  while (pool.allocate(MAX_EXTENT_BYTES) >= 0) extents++;
  t.equal(extents, 16);
  t.equal(pool.usedBytes, 64 * MiB);
  t.equal(pool.allocate(1), -1);
});

t.test('a small file takes what it needs, not a page', async (t) => {
  const pool = new Pool(64 * MiB);
  pool.allocate(23_000);
  t.equal(pool.usedBytes, 24 * KiB);
});

t.test('extents of all slabs have bytes of their own', async (t) => {
  const pool = new Pool(2 * GiB + 64 * MiB);
  const units: number[] = [];
  for (let unit = pool.allocate(MAX_EXTENT_BYTES); unit >= 0; unit = pool.allocate(MAX_EXTENT_BYTES)) {
    units.push(unit);
    const view = pool.view(unit, 0, MAX_EXTENT_BYTES);
    if (view.length !== MAX_EXTENT_BYTES) t.fail('a view is cut short');
    view.writeUInt32LE(unit, 0);
    view.writeUInt32LE(unit, MAX_EXTENT_BYTES - 4);
  }
  t.equal(units.length, (2 * GiB + 64 * MiB) / MAX_EXTENT_BYTES);
  for (const unit of units) {
    const ends = [pool.view(unit, 0, 4), pool.view(unit, MAX_EXTENT_BYTES - 4, MAX_EXTENT_BYTES)];
    if (ends.some((end) => end.readUInt32LE(0) !== unit)) t.fail(`extent ${unit} was written over`);
  }
  for (const unit of units) pool.free(unit, MAX_EXTENT_BYTES);
  pool.check();
  t.equal(pool.usedBytes, 0);
});
