import { t } from 'tap';
import { Lru } from '../../src/master/lru.js';

t.test('keeps what was used last, and no more than it may', (t) => {
  const lru = new Lru<number, string>(100);
  for (let i = 0; i < 1000; i++) {
    lru.set(i, `${i}`);
    t.equal(lru.get(0), '0', 'used all the time');
    if (lru.size > 100) t.fail(`${lru.size} are kept`);
  }
  for (let i = 951; i < 1000; i++) t.equal(lru.get(i), `${i}`);
  t.equal(lru.get(1), undefined);
  t.end();
});

t.test('delete and clear reach both generations', (t) => {
  const lru = new Lru<number, string>(10);
  for (let i = 0; i < 7; i++) lru.set(i, `${i}`);
  lru.delete(0);
  lru.delete(6);
  t.same([lru.get(0), lru.get(6), lru.size], [undefined, undefined, 5]);
  lru.clear();
  t.equal(lru.size, 0);
  t.end();
});
