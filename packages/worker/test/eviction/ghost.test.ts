import { t } from 'tap';
import { Ghost } from '../../src/eviction/ghost.js';
import { seeded } from '../support/random.js';

t.test('remembers within its bytes and its number, oldest first out', async (t) => {
  const ghost = new Ghost(100, 3);
  ghost.add('a', 40);
  ghost.add('b', 40);
  ghost.add('c', 40);
  t.notOk(ghost.take('a'), 'over the bytes: the oldest went');
  t.equal(ghost.bytes, 80);
  t.ok(ghost.take('b'));
  t.notOk(ghost.take('b'), 'taken once');
  for (const key of ['d', 'e', 'f']) ghost.add(key, 1);
  t.equal(ghost.size, 3, 'over the number');
  t.notOk(ghost.take('c'));
  ghost.add('huge', 1000);
  t.equal(ghost.size, 0, 'what can never fit is not remembered, nor is what was before it');
  ghost.add('later', 1);
  t.ok(ghost.take('later'));
});

t.test('agrees with a plain list', async (t) => {
  const random = seeded();
  const ghost = new Ghost(200, 20);
  let list: [string, number][] = [];
  for (let i = 0; i < 20_000; i++) {
    const key = `k${random.below(60)}`;
    if (random.chance(0.3)) {
      const known = list.some(([other]) => other === key);
      if (ghost.take(key) !== known) t.fail(`${key} at step ${i}`);
      list = list.filter(([other]) => other !== key);
    } else {
      const bytes = 1 + random.below(30);
      ghost.add(key, bytes);
      list = [...list.filter(([other]) => other !== key), [key, bytes]];
      while (list.length > 20 || list.reduce((sum, [, b]) => sum + b, 0) > 200) list.shift();
    }
    if (ghost.size !== list.length) t.fail(`${ghost.size} keys at step ${i}, ${list.length} expected`);
  }
  t.equal(
    ghost.bytes,
    list.reduce((sum, [, bytes]) => sum + bytes, 0),
  );
});
