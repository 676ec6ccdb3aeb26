import { test } from 'tap';
import { inBatches } from '../../lab/batches.js';

test('keeps to its number at once, and to the order of the items', async (t) => {
  let running = 0;
  let most = 0;
  const results = await inBatches(2, [1, 2, 3, 4, 5], async (n, index) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    return n * 10 + index;
  });
  t.strictSame(results, [10, 21, 32, 43, 54]);
  t.equal(most, 2);
});

test('begins nothing after a failure, and waits for what was under way', async (t) => {
  const begun: number[] = [];
  let other = false;
  const work = async (n: number) => {
    begun.push(n);
    if (n === 1) throw new Error('first');
    await new Promise((resolve) => setImmediate(resolve));
    other = true;
  };
  await t.rejects(inBatches(2, [1, 2, 3, 4], work), { message: 'first' });
  t.strictSame(begun, [1, 2]);
  t.ok(other, 'the second had ended');
});
