import { t } from 'tap';
import { Negatives } from '../../src/tree/negatives.js';

t.test('absences end in time, and the oldest go when there are too many', async (t) => {
  let now = 0;
  const negatives = new Negatives(() => now, 2);
  negatives.add(1, 'a', 100);
  t.ok(negatives.has(1, 'a'));
  t.notOk(negatives.has(2, 'a'));
  now = 100;
  t.notOk(negatives.has(1, 'a'));
  negatives.add(1, 'x', 0);
  t.notOk(negatives.has(1, 'x'));
  for (const name of ['b', 'c', 'd']) negatives.add(1, name, 100);
  t.equal(negatives.size, 2);
  t.notOk(negatives.has(1, 'b'));
  t.ok(negatives.has(1, 'd'));
  negatives.delete(1, 'd');
  t.notOk(negatives.has(1, 'd'));
});
