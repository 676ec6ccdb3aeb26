import { MiB } from '@tidecache/protocol';
import { t } from 'tap';
import { MAX_UNDER_WAY_BYTES } from '../../src/limits.js';
import type { Range } from '../../src/read/range.js';
import { UnderWay } from '../../src/read/under-way.js';

const CHUNK = 4 * MiB;
const REFUSED = { arrivedBytes: 0, missingBytes: CHUNK };
const WHOLE = { arrivedBytes: CHUNK, missingBytes: 0 };
const chunk = (index: number): Range => ({ from: index * CHUNK, to: (index + 1) * CHUNK });
const filled = () => {
  const underWay = new UnderWay(CHUNK);
  const ranges = Array.from({ length: MAX_UNDER_WAY_BYTES / CHUNK }, (_, i) => chunk(i));
  underWay.add(ranges);
  return { underWay, ranges };
};

t.test('its room is what is not under way', async (t) => {
  const { underWay, ranges } = filled();
  t.equal(underWay.roomBytes, 0);
  t.equal(underWay.end(chunk(0), WHOLE), false, 'an equal one is not it');
  t.equal(underWay.end(ranges[0]!, WHOLE), true);
  t.equal(underWay.end(ranges[0]!, WHOLE), false);
  t.equal(underWay.roomBytes, CHUNK);
  underWay.stop(10 * CHUNK);
  t.equal(underWay.roomBytes, MAX_UNDER_WAY_BYTES - 9 * CHUNK);
});

t.test('refused: no more than what was taken, then a chunk more with each round', async (t) => {
  const { underWay, ranges } = filled();
  const taken = ranges.slice(0, 10);
  for (const range of ranges.slice(10)) underWay.end(range, REFUSED);
  t.equal(underWay.roomBytes, 0);
  for (const range of taken) underWay.end(range, WHOLE);
  const limit = underWay.roomBytes;
  t.ok(limit > 10 * CHUNK && limit <= 11 * CHUNK, `${limit / CHUNK} chunks`);
  for (let round = 0; round < 100; round++) {
    const again = chunk(round);
    underWay.add([again]);
    underWay.end(again, { arrivedBytes: 0, missingBytes: 0 });
  }
  t.equal(underWay.roomBytes, limit, 'what was there already says nothing about workers');
});

t.test('all refused: one at a time', async (t) => {
  const { underWay, ranges } = filled();
  for (const range of ranges) underWay.end(range, REFUSED);
  t.equal(underWay.roomBytes, CHUNK);
});
