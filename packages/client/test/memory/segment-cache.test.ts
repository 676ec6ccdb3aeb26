import { MiB } from '@tidecache/protocol';
import { t } from 'tap';
import { CONSUMED_BYTES, READ_AHEAD_IDLE_MS } from '../../src/limits.js';
import type { Block } from '../../src/memory/arena.js';
import { Segment } from '../../src/memory/segment.js';
import { SegmentCache, type SegmentMap } from '../../src/memory/segment-cache.js';
import { FakeClock } from '../doubles/fake-clock.js';
import { Chance, freshSeed } from '../doubles/random.js';

function there(cache: SegmentCache, map: SegmentMap, index: number, read: boolean): Segment {
  const [block] = cache.memory.take([MiB], Number.POSITIVE_INFINITY) as Block[];
  const segment = new Segment(index * MiB, (index + 1) * MiB, block!, []);
  cache.share(map, segment);
  cache.hold(segment);
  segment.complete();
  if (read) segment.deliveredBytes = MiB;
  cache.release(segment);
  return segment;
}

t.test('what was read to its end goes first, then what was longest untouched', async (t) => {
  const cache = new SegmentCache(8 * MiB, new FakeClock());
  const map: SegmentMap = new Map();
  for (const index of [0, 1, 2]) there(cache, map, index, false);
  for (const index of [3, 4]) there(cache, map, index, true);
  for (const index of [5, 6, 7]) there(cache, map, index, false);
  const gone: number[] = [];
  for (let i = 10; i < 14; i++) {
    const before = [...map.keys()];
    there(cache, map, i, false);
    gone.push(...before.filter((index) => !map.has(index)));
  }
  t.same(gone, [3, 4, 0, 1]);
});

t.test('what is held stays, and is freed at the last release', async (t) => {
  const cache = new SegmentCache(8 * MiB, new FakeClock());
  const map: SegmentMap = new Map();
  const segment = there(cache, map, 0, true);
  cache.hold(segment);
  cache.hold(segment);
  cache.drop(segment);
  t.equal(map.size, 0, 'nobody finds it');
  t.equal(cache.memory.usedBytes, MiB);
  cache.release(segment);
  t.equal(cache.memory.usedBytes, MiB, 'somebody still looks');
  cache.release(segment);
  t.equal(cache.memory.usedBytes, 0);
  t.throws(() => cache.release(segment), /more often/);
});

t.test('read-ahead does not throw out fresh read-ahead', async (t) => {
  const clock = new FakeClock();
  const cache = new SegmentCache(8 * MiB, clock);
  const map: SegmentMap = new Map();
  for (let i = 0; i < 8; i++) there(cache, map, i, false);
  t.equal(cache.memory.tryTake(MiB), undefined);
  await clock.pass(READ_AHEAD_IDLE_MS);
  t.ok(cache.memory.tryTake(MiB), 'but what nobody came for');
  t.notOk(map.has(0));
});

t.test('little of what was read is kept', async (t) => {
  const cache = new SegmentCache(64 * MiB, new FakeClock());
  const map: SegmentMap = new Map();
  for (let i = 0; i < 60; i++) there(cache, map, i, true);
  t.equal(cache.memory.usedBytes, CONSUMED_BYTES);
  t.same([...map.keys()].slice(-2), [58, 59], 'the latest');
});

t.test('a segment takes the place of another of its index, whose reader keeps its own', async (t) => {
  const cache = new SegmentCache(8 * MiB, new FakeClock());
  const map: SegmentMap = new Map();
  const before = there(cache, map, 0, false);
  cache.hold(before);
  const after = there(cache, map, 0, false);
  t.equal(map.get(0), after);
  cache.release(before);
  t.equal(map.get(0), after);
  t.equal(cache.memory.usedBytes, MiB);
});

t.test('called off: what is on its way is hidden at once, unless somebody waits for it', async (t) => {
  const cache = new SegmentCache(8 * MiB, new FakeClock());
  const map: SegmentMap = new Map();
  const arriving = (index: number) => {
    const [block] = cache.memory.take([MiB], Number.POSITIVE_INFINITY) as Block[];
    const segment = new Segment(index * MiB, (index + 1) * MiB, block!, []);
    cache.share(map, segment);
    cache.hold(segment);
    segment.cancel = () => cancelled.push(index);
    return segment;
  };
  const cancelled: number[] = [];
  const speculative = arriving(0);
  const demanded = arriving(1);
  demanded.demanded = true;
  cache.abandon(speculative);
  cache.abandon(demanded);
  t.same(cancelled, [0]);
  t.same([...map.keys()], [1]);
});

t.test('whatever is done with segments, memory is either held, found or free', async (t) => {
  const seed = freshSeed();
  t.comment(`seed ${seed}`);
  const chance = new Chance(seed);
  const clock = new FakeClock();
  const cache = new SegmentCache(8 * MiB, clock);
  const maps: SegmentMap[] = [new Map(), new Map()];
  const held: Segment[] = [];
  for (let i = 0; i < 20_000; i++) {
    const map = chance.pick(maps);
    const action = chance.next();
    if (action < 0.35) {
      const block = cache.memory.tryTake(MiB);
      const index = chance.between(0, 20);
      if (block) {
        const segment = new Segment(index * MiB, (index + 1) * MiB, block, []);
        cache.share(map, segment);
        cache.hold(segment);
        segment.complete();
        held.push(segment);
      }
    } else if (action < 0.7 && held.length > 0) {
      const [segment] = held.splice(chance.between(0, held.length - 1), 1);
      segment!.deliveredBytes += chance.pick([0, MiB / 2, MiB]);
      cache.release(segment!);
    } else if (map.size > 0) {
      const segment = chance.pick([...map.values()]);
      if (chance.happens(0.6)) {
        cache.hold(segment);
        held.push(segment);
      } else if (chance.happens(0.5)) cache.drop(segment);
      else cache.abandon(segment);
    }
    const alive = new Set([...held, ...maps.flatMap((each) => [...each.values()])]);
    if (cache.memory.usedBytes !== alive.size * MiB) return t.fail('memory is lost, or used twice', { i });
  }
  for (const segment of held.splice(0)) cache.release(segment);
  for (const map of maps) for (const segment of [...map.values()]) cache.drop(segment);
  t.equal(cache.memory.usedBytes, 0);
});
