import { readdirSync } from 'node:fs';
import { t } from 'tap';
import { takeLock } from '../../src/store/lock.js';
import { Store } from '../../src/store/store.js';
import { realTimers } from '../../src/util/timers.js';
import { tempDir } from '../support/temp-dir.js';

t.test('a second master is refused while the first lives, and may have it after', async (t) => {
  const dir = tempDir(t);
  const first = await Store.open(dir, realTimers);
  await t.rejects(Store.open(dir, realTimers), {
    code: 'ALREADY_EXISTS',
    message: new RegExp(`${dir}.*another`),
  });
  t.equal(first.counter('generation'), 0, 'the first still reads');
  first.write('still', () => first.putCounter('generation', 3));
  await first.close();
  const second = await Store.open(dir, realTimers);
  t.equal(second.counter('generation'), 3);
  await second.close();
  t.same(
    readdirSync(dir).filter((name) => name.endsWith('.sock')),
    [],
    'no socket stays',
  );
});

t.test('a dead owner does not count, and of two who find it dead one wins', async (t) => {
  const dir = tempDir(t);
  let owner: string | undefined = '0123456789abcdef';
  const cell = {
    read: () => owner,
    replace(before: string | undefined, after: string | undefined) {
      if (owner !== before) return false;
      owner = after;
      return true;
    },
  };
  const results = await Promise.allSettled([takeLock(dir, cell), takeLock(dir, cell)]);
  const taken = results.filter((result) => result.status === 'fulfilled');
  t.equal(taken.length, 1);
  for (const { value } of taken) await value.release();
  t.equal(owner, undefined);
});
