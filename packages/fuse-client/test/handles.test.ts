import { t } from 'tap';
import { HandleTable } from '../src/handles.js';
import { MAX_OPEN_HANDLES } from '../src/limits.js';

t.test('numbers are not used again at once, and there is an end to them', (t) => {
  const table = new HandleTable<string>('file');
  const first = table.add('a');
  t.equal(table.get(first), 'a');
  t.equal(table.remove(first), 'a');
  t.throws(() => table.get(first), { code: 'INVALID', message: /file/ });
  t.not(table.add('b'), first);
  while (table.size < MAX_OPEN_HANDLES) table.add('x');
  t.throws(() => table.add('y'), { code: 'BUSY' });
  t.end();
});
