import { KiB, MiB } from '@tidecache/protocol';
import { t } from 'tap';
import { MAX_STRIDE_AHEAD, MAX_WINDOW_BYTES, SEGMENT_BYTES } from '../../src/limits.js';
import { type Range, ReadAhead } from '../../src/read/read-ahead.js';
import { Chance, freshSeed } from '../doubles/random.js';

const FILE = 1024 * MiB;
const bytesOf = (ranges: readonly Range[]) => ranges.reduce((sum, { from, to }) => sum + to - from, 0);

t.test('from the start, and large: sequential at once, with a small window', async (t) => {
  const advice = new ReadAhead(FILE).observe(0, 128 * KiB, false, MAX_WINDOW_BYTES);
  t.equal(advice.pattern, 'sequential');
  t.same(advice.ahead, [{ from: MiB, to: 2 * MiB }]);
});

t.test('a peek at a header asks for nothing more', async (t) => {
  t.same(new ReadAhead(FILE).observe(0, 4 * KiB, false, MAX_WINDOW_BYTES), { pattern: 'random', ahead: [] });
});

t.test('in the middle, the second read in a row makes a stream', async (t) => {
  const readAhead = new ReadAhead(FILE);
  t.equal(readAhead.observe(500 * MiB, 4 * KiB, false, MAX_WINDOW_BYTES).pattern, 'random');
  t.equal(readAhead.streaming, false);
  const advice = readAhead.observe(500 * MiB + 4 * KiB, 4 * KiB, false, MAX_WINDOW_BYTES);
  t.equal(advice.pattern, 'sequential');
  t.same(advice.ahead, [{ from: 501 * MiB, to: 502 * MiB }]);
  t.equal(readAhead.streaming, true);
});

t.test('the window grows while the reader waits, up to its most', async (t) => {
  const readAhead = new ReadAhead(FILE);
  let furthest = 0;
  const leads: number[] = [];
  for (let at = 0; at < 300 * MiB; at += MiB) {
    const { ahead } = readAhead.observe(at, MiB, false, 32 * MiB);
    for (const { to } of ahead) furthest = Math.max(furthest, to);
    leads.push((furthest - (at + MiB)) / MiB);
  }
  t.same(leads.slice(0, 8), [1, 8, 8, 8, 8, 32, 32, 32]);
  t.equal(Math.max(...leads), 32);
  t.equal(leads.at(-1), 32);
});

t.test('the window stays small for a reader that never waits', async (t) => {
  const readAhead = new ReadAhead(FILE);
  let asked = 0;
  for (let at = 0; at < 100 * MiB; at += MiB)
    asked += bytesOf(readAhead.observe(at, MiB, true, MAX_WINDOW_BYTES).ahead);
  t.equal(asked, 100 * MiB);
});

t.test('nothing is asked for twice, whatever the order within the reach of the kernel', async (t) => {
  const seed = freshSeed();
  t.comment(`seed ${seed}`);
  const chance = new Chance(seed);
  for (let round = 0; round < 200; round++) {
    const readAhead = new ReadAhead(FILE);
    const length = chance.pick([128 * KiB, MiB]);
    const asked = new Set<number>();
    const order = Array.from({ length: 200 }, (_, i) => ({ i, key: i + chance.next() * 4 })).sort(
      (a, b) => a.key - b.key,
    );
    let random = 0;
    for (const { i } of order) {
      const advice = readAhead.observe(i * length, length, chance.happens(0.5), MAX_WINDOW_BYTES);
      if (advice.pattern !== 'sequential') random++;
      for (const { from, to } of advice.ahead) {
        for (let at = from; at < to; at += SEGMENT_BYTES) {
          if (asked.has(at)) return t.fail('asked for twice', { round, segment: at });
          asked.add(at);
        }
      }
    }
    if (random > 3) return t.fail(`taken for random ${random} times`, { round, length });
  }
  t.pass('200 readers whose requests overtake each other');
});

t.test('what memory had no room for is named again', async (t) => {
  const readAhead = new ReadAhead(FILE);
  readAhead.observe(0, MiB, false, MAX_WINDOW_BYTES);
  const { ahead } = readAhead.observe(MiB, MiB, false, MAX_WINDOW_BYTES);
  t.same(ahead, [{ from: 2 * MiB, to: 10 * MiB }]);
  readAhead.stoppedAt(3 * MiB);
  t.equal(readAhead.observe(2 * MiB, MiB, true, MAX_WINDOW_BYTES).ahead[0]?.from, 3 * MiB);
});

t.test('four readers on one descriptor are four streams', async (t) => {
  const readAhead = new ReadAhead(FILE);
  const starts = [0, 200 * MiB, 410 * MiB, 777 * MiB];
  let sequential = 0;
  for (let i = 0; i < 10; i++) {
    for (const start of starts) {
      if (readAhead.observe(start + i * MiB, MiB, true, MAX_WINDOW_BYTES).pattern === 'sequential')
        sequential++;
    }
  }
  t.equal(sequential, 4 * 10 - 3, 'all but the first reads of the three that start in the middle');
});

t.test('threads that start at equal distances are streams all the same', async (t) => {
  const readAhead = new ReadAhead(FILE);
  const starts = Array.from({ length: 8 }, (_, i) => i * 100 * MiB);
  for (const start of starts) readAhead.observe(start, MiB, false, MAX_WINDOW_BYTES);
  for (let i = 1; i < 3; i++) {
    for (const start of starts) readAhead.observe(start + i * MiB, MiB, false, MAX_WINDOW_BYTES);
  }
  for (const start of starts) {
    t.equal(readAhead.observe(start + 3 * MiB, MiB, false, MAX_WINDOW_BYTES).pattern, 'sequential');
  }
});

t.test('who reads on after strides is a stream at once', async (t) => {
  const readAhead = new ReadAhead(FILE);
  for (let i = 1; i < 6; i++) readAhead.observe(i * 50 * MiB, MiB, false, MAX_WINDOW_BYTES);
  t.equal(readAhead.observe(251 * MiB, MiB, false, MAX_WINDOW_BYTES).pattern, 'sequential');
});

t.test('a constant distance is a stride from the third read on', async (t) => {
  const readAhead = new ReadAhead(FILE);
  const at = (i: number) => 10 * MiB + i * 7 * MiB;
  t.equal(readAhead.observe(at(0), 64 * KiB, false, MAX_WINDOW_BYTES).pattern, 'random');
  t.equal(readAhead.observe(at(1), 64 * KiB, false, MAX_WINDOW_BYTES).pattern, 'random');
  const third = readAhead.observe(at(2), 64 * KiB, false, MAX_WINDOW_BYTES);
  t.equal(third.pattern, 'strided');
  t.same(
    third.ahead,
    [3, 4, 5, 6].map((i) => ({ from: at(i), to: at(i) + 64 * KiB })),
  );
  let most = 0;
  for (let i = 3; i < 20; i++) {
    most = Math.max(most, readAhead.observe(at(i), 64 * KiB, false, MAX_WINDOW_BYTES).ahead.length);
  }
  t.equal(most, MAX_STRIDE_AHEAD);
  t.equal(readAhead.observe(3 * MiB, 64 * KiB, false, MAX_WINDOW_BYTES).pattern, 'random', 'a break ends it');
});

t.test('a stride may go backwards, and stops at the start', async (t) => {
  const readAhead = new ReadAhead(FILE);
  for (let i = 6; i > 1; i--) readAhead.observe(i * 20 * MiB, 4 * KiB, false, MAX_WINDOW_BYTES);
  const { pattern, ahead } = readAhead.observe(20 * MiB, 4 * KiB, false, MAX_WINDOW_BYTES);
  t.equal(pattern, 'strided');
  t.same(ahead, [{ from: 0, to: 4 * KiB }]);
});

t.test('a stream that is given up names what it had asked for', async (t) => {
  const readAhead = new ReadAhead(FILE);
  readAhead.observe(0, MiB, false, MAX_WINDOW_BYTES);
  readAhead.observe(MiB, MiB, false, MAX_WINDOW_BYTES);
  let abandoned: Range | undefined;
  const seed = freshSeed();
  t.comment(`seed ${seed}`);
  const chance = new Chance(seed);
  for (let i = 0; i < 200; i++) {
    const offset = (100 + chance.between(0, 900)) * MiB + i * i * 4096;
    abandoned ??= readAhead.observe(offset, 4 * KiB, false, MAX_WINDOW_BYTES).abandoned;
  }
  t.same(abandoned, { from: 2 * MiB, to: 10 * MiB });
});

t.test('advice stays within the file and the window, whatever is read', async (t) => {
  const seed = freshSeed();
  t.comment(`seed ${seed}`);
  const chance = new Chance(seed);
  for (let round = 0; round < 300; round++) {
    const fileBytes = chance.between(1, 50 * MiB);
    const readAhead = new ReadAhead(fileBytes);
    let offset = 0;
    for (let i = 0; i < 60; i++) {
      const length = Math.min(chance.pick([1, 4 * KiB, 100_000, MiB, 3 * MiB]), fileBytes - offset);
      const window = chance.pick([MiB, 8 * MiB, MAX_WINDOW_BYTES]);
      const { ahead } = readAhead.observe(offset, length, chance.happens(0.5), window);
      for (const { from, to } of ahead) {
        if (from < 0 || from >= to || to > fileBytes)
          return t.fail('outside the file', { from, to, fileBytes });
      }
      const most = Math.max(window, length) + 2 * SEGMENT_BYTES;
      if (bytesOf(ahead) > most) return t.fail('more than the window', { asked: bytesOf(ahead), window });
      const next = chance.happens(0.6) ? offset + length : chance.between(0, fileBytes - 1);
      offset = next < fileBytes ? next : 0;
    }
  }
  t.pass('300 readers of all kinds');
});
