import { KiB, MiB } from '@tidecache/protocol';
import { t } from 'tap';
import {
  MAX_CHUNK_BYTES,
  MAX_STRIDE_AHEAD,
  MAX_UNDER_WAY_BYTES,
  MAX_WINDOW_BYTES,
  SEGMENT_BYTES,
} from '../../src/limits.js';
import type { Range } from '../../src/read/range.js';
import { ReadAhead } from '../../src/read/read-ahead.js';
import { Chance, freshSeed } from '../doubles/random.js';

const FILE = 1024 * MiB;
/** Reads MiB after MiB; what was asked for ahead has ended when it is read. Yields what each read had asked for. */
function* readThrough(
  bytes: number,
  ready: boolean,
  maxWindowBytes: number,
  blockBytes = MiB,
): Generator<Range[]> {
  const readAhead = new ReadAhead(FILE, blockBytes);
  let underWay: Range[] = [];
  for (let at = 0; at < bytes; at += MiB) {
    const asked = [...readAhead.observe(at, MiB, ready, maxWindowBytes).ahead];
    const ended = underWay.filter(({ from }) => from <= at);
    underWay = underWay.filter(({ from }) => from > at);
    for (const range of ended) asked.push(...readAhead.ended(range, allOf(range)).ahead);
    underWay.push(...asked);
    yield asked;
  }
}

const allOf = ({ from, to }: Range) => ({ arrivedBytes: to - from, missingBytes: 0 });

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
  let furthest = 0;
  let at = 0;
  const leads: number[] = [];
  for (const asked of readThrough(300 * MiB, false, 32 * MiB)) {
    for (const { to } of asked) furthest = Math.max(furthest, to);
    at += MiB;
    leads.push((furthest - at) / MiB);
  }
  t.same(leads.slice(0, 8), [1, 8, 8, 8, 8, 32, 32, 32]);
  t.equal(Math.max(...leads), 32);
  t.equal(leads.at(-1), 32);
});

t.test('the window stays small for a reader that never waits', async (t) => {
  const asked = [...readThrough(100 * MiB, true, MAX_WINDOW_BYTES)].flat();
  t.equal(bytesOf(asked), 100 * MiB);
});

t.test('as much as may be is under way, in whole blocks, and no more', async (t) => {
  const readAhead = new ReadAhead(FILE, 4 * MiB);
  const underWay: Range[] = [];
  for (let at = 0; at < 20 * MiB; at += MiB) {
    underWay.push(...readAhead.observe(at, MiB, false, MAX_WINDOW_BYTES).ahead);
  }
  const most = bytesOf(underWay);
  t.ok(most <= MAX_UNDER_WAY_BYTES && most > MAX_UNDER_WAY_BYTES - 4 * MiB, `${most / MiB} MiB`);
  const last = underWay.at(-1)!;
  t.same([last.from % (4 * MiB), last.to - last.from], [0, 4 * MiB]);
  t.same(readAhead.observe(20 * MiB, MiB, false, MAX_WINDOW_BYTES).ahead, [], 'a read asks for no more');
  t.same(readAhead.ended(last, allOf(last)).ahead, [{ from: last.to, to: last.to + 4 * MiB }], 'an end does');
  t.same(readAhead.ended(last, allOf(last)).ahead, [], 'once');
});

t.test('what ends after its reader has closed asks for nothing', async (t) => {
  const readAhead = new ReadAhead(FILE);
  const [range] = readAhead.observe(0, MiB, false, MAX_WINDOW_BYTES).ahead;
  readAhead.stop();
  t.same(readAhead.ended(range!, allOf(range!)).ahead, []);
  t.equal(readAhead.streaming, false);
});

t.test('a file that was read to its end is no stream any more', async (t) => {
  const readAhead = new ReadAhead(2 * MiB);
  readAhead.observe(0, MiB, false, MAX_WINDOW_BYTES);
  t.equal(readAhead.streaming, true);
  readAhead.observe(MiB, MiB, false, MAX_WINDOW_BYTES);
  t.equal(readAhead.streaming, false);
});

t.test('what a worker refused is asked for again, when something else has come', async (t) => {
  const readAhead = new ReadAhead(FILE, 4 * MiB);
  const underWay: Range[] = [];
  for (let at = 0; at < 20 * MiB; at += MiB) {
    underWay.push(...readAhead.observe(at, MiB, false, MAX_WINDOW_BYTES).ahead);
  }
  const [first, refused] = underWay.slice(-2) as [Range, Range];
  t.same(readAhead.ended(refused, { arrivedBytes: 0, missingBytes: MiB }).ahead, [], 'not at once');
  t.same(readAhead.ended(first, allOf(first)).ahead, [refused]);
});

t.test('the largest blocks are asked for in parts', async (t) => {
  const asked = [...readThrough(300 * MiB, false, MAX_WINDOW_BYTES, 64 * MiB)].flat();
  t.equal(Math.max(...asked.map(({ from, to }) => to - from)), MAX_CHUNK_BYTES);
  t.ok(bytesOf(asked) >= 300 * MiB);
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
  t.equal(bytesOf(ahead), 8 * MiB);
  t.same([ahead[0]?.from, ahead.at(-1)?.to], [2 * MiB, 10 * MiB]);
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
