import { t } from 'tap';
import { negativeValidMs, validMs } from '../../src/tree/policy.js';

t.test('how long what was learned may be believed', async (t) => {
  t.equal(validMs('once', 0, 1e15), 86_400_000);
  t.equal(validMs('always', 100, 100), 0);
  t.equal(validMs({ ttlMs: 500 }, 1_000, 1_000), 500);
  t.equal(validMs({ ttlMs: 500 }, 1_000, 1_200), 300);
  t.equal(validMs({ ttlMs: 500 }, 1_000, 1_500), 0);
  t.equal(validMs({ ttlMs: 500 }, 1_000, 9_999), 0);
  t.equal(validMs({ ttlMs: 500 }, 1_000, 999), 0, 'a clock that went back: ask again');
});

t.test('how long an absence may be believed', async (t) => {
  t.equal(negativeValidMs('once'), 1_000);
  t.equal(negativeValidMs('always'), 0);
  t.equal(negativeValidMs({ ttlMs: 77 }), 77);
});
