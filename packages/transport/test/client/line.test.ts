import { t } from 'tap';
import { Line } from '../../src/client/line.js';
import { seeded } from '../support/random.js';

t.test('what came for earlier requests counts, what came for later ones does not', async (t) => {
  const line = new Line();
  t.equal(line.movedBefore(5), undefined);
  line.moved(3, 100, 1);
  t.equal(line.movedBefore(4), 100);
  t.equal(line.movedBefore(3), undefined, 'its own bytes are counted elsewhere');
  line.moved(6, 200, 1);
  t.equal(line.movedBefore(5), 100);
  t.equal(line.movedBefore(7), 200);
  line.moved(2, 300, 1);
  t.equal(line.movedBefore(5), 300);
  t.equal(line.movedBefore(7), 300);
});

t.test('as a plain list would say, for every request that still waits', async (t) => {
  const seed = Date.now() >>> 0;
  t.comment(`seed ${seed}`);
  const random = seeded(seed);
  const line = new Line();
  const all: [number, number][] = [];
  let oldest = 1;
  for (let at = 1; at < 3000; at++) {
    oldest += random() < 0.5 ? 1 : 0;
    const id = oldest + Math.floor(random() * 20);
    line.moved(id, at, oldest);
    all.push([id, at]);
    const asked = oldest + Math.floor(random() * 25);
    const times = all.filter(([one]) => one < asked).map(([, time]) => time);
    const wanted = times.length === 0 ? undefined : Math.max(...times);
    if (line.movedBefore(asked) !== wanted) t.equal(line.movedBefore(asked), wanted, `at ${at}`);
  }
  t.pass('3000 moves');
});
