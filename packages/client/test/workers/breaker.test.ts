import { t } from 'tap';
import { ASIDE_MS, MAX_ASIDE_MS, TRUSTED_TIMEOUTS } from '../../src/limits.js';
import { Breaker } from '../../src/workers/breaker.js';

t.test('silence is probed at once, and an answer forgives it', async (t) => {
  const breaker = new Breaker();
  t.equal(breaker.failed('TIMEOUT', 1), 0);
  t.ok(breaker.aside);
  breaker.probed();
  t.notOk(breaker.aside);
});

t.test('a worker that answers probes but never reads is trusted only so often', async (t) => {
  const breaker = new Breaker();
  let waits = 0;
  for (let i = 1; i <= TRUSTED_TIMEOUTS; i++) {
    waits = breaker.failed('TIMEOUT', 1)!;
    breaker.probed();
  }
  t.ok(waits > 0);
  breaker.succeeded();
  t.equal(breaker.failed('TIMEOUT', 1), 0, 'until it answers a read');
});

t.test('the back-off doubles with each failed probe, up to its most, and is jittered', async (t) => {
  const breaker = new Breaker();
  t.equal(breaker.failed('UNREACHABLE', 1), ASIDE_MS);
  t.equal(breaker.failed('UNREACHABLE', 1), undefined, 'one probe is due already');
  t.equal(breaker.probeFailed(1), ASIDE_MS * 4);
  t.equal(breaker.probeFailed(0), ASIDE_MS * 4);
  let last = 0;
  for (let i = 0; i < 30; i++) last = breaker.probeFailed(1);
  t.equal(last, MAX_ASIDE_MS);
});
