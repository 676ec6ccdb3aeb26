import { MiB } from '@tidecache/protocol';
import { t } from 'tap';
import { Block } from '../../src/block.js';
import { Fill } from '../../src/fill/fill.js';
import { FillQueue } from '../../src/fill/fill-queue.js';
import { limitsFor } from '../../src/limits.js';
import { sourceOf } from '../support/fixture.js';

const limits = limitsFor(64 * MiB, { runningFills: 2, fills: 6, fillingBytes: 6 * MiB, readAheadShare: 0.5 });

function fillOf(readAhead: boolean): Fill {
  const extent = { firstPage: 0, unit: 0, bytes: MiB, arrivedBytes: 0 };
  const source = sourceOf('k', MiB);
  return new Fill({ block: new Block('k', MiB), blockIndex: 0, extent, source }, readAhead);
}

t.test('demand goes first, each in the order of arrival', async (t) => {
  const queue = new FillQueue(limits);
  const [a, b, c, d] = [true, true, false, false].map(fillOf);
  for (const fill of [a!, b!, c!, d!]) queue.add(fill);
  t.equal(queue.start(), c);
  t.equal(queue.start(), d);
  t.equal(queue.start(), undefined, 'as many run as may');
  queue.end(c!);
  t.equal(queue.start(), a);
  queue.promote(b!);
  queue.add(fillOf(false));
  queue.end(d!);
  t.equal(queue.start(), b, 'somebody waits for it by now, and longer than others');
  t.equal(queue.bytes, 3 * MiB);
  t.equal(queue.running, 2);
  t.equal(queue.waiting, 1);
});

t.test('read-ahead has a share of the room, demand all of it', async (t) => {
  const queue = new FillQueue(limits);
  t.ok(queue.hasRoomFor(3, 3 * MiB, true));
  t.notOk(queue.hasRoomFor(4, 1, true), 'by number');
  t.notOk(queue.hasRoomFor(1, 3 * MiB + 1, true), 'by bytes');
  for (let i = 0; i < 3; i++) queue.add(fillOf(true));
  t.notOk(queue.hasRoomFor(1, 1, true));
  t.ok(queue.hasRoomFor(3, 3 * MiB, false));
  t.notOk(queue.hasRoomFor(4, 1, false));
  t.notOk(queue.hasRoomFor(1, 3 * MiB + 1, false));
});

t.test('what is taken out makes room', async (t) => {
  const queue = new FillQueue(limits);
  const fill = fillOf(false);
  queue.add(fill);
  queue.remove(fill);
  queue.remove(fill);
  t.equal(queue.bytes, 0);
  t.equal(queue.start(), undefined);
});

t.test('copies from owners wait for no read from an origin; one that failed does', async (t) => {
  const queue = new FillQueue(limits);
  const [a, b, waiting] = [false, false, true].map(fillOf);
  const copy = fillOf(true);
  copy.owner = { id: 'w', host: 'h', port: 1, hostId: 'h', weight: 1 };
  for (const fill of [a!, b!, waiting!, copy]) queue.add(fill);
  t.equal(queue.start(), copy);
  t.same([queue.start(), queue.start(), queue.start()], [a, b, undefined]);
  t.equal(queue.copying, 1);
  queue.fallBack(copy);
  t.equal(queue.copying, 0);
  t.equal(queue.start(), undefined);
  queue.end(a!);
  t.equal(queue.start(), waiting, 'in the order of arrival');
  queue.end(b!);
  t.equal(queue.start(), copy);
  queue.end(copy);
  queue.end(waiting!);
  t.same([queue.running, queue.bytes], [0, 0]);
});
