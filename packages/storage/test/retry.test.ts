import { ERRORS, type ErrorCode, TidecacheError } from '@tidecache/protocol';
import { t } from 'tap';
import { MAX_ATTEMPTS, RETRY_BASE_MS, RETRY_CAP_MS } from '../src/limits.js';
import { withRetries } from '../src/retry.js';

/** A clock that only pauses move. */
const world = (random = 1) => {
  let nowMs = 1000;
  const pauses: number[] = [];
  const tools = {
    now: () => nowMs,
    random: () => random,
    sleep: async (ms: number) => {
      pauses.push(ms);
      nowMs += ms;
    },
  };
  return { tools, pauses, pass: (ms: number) => (nowMs += ms) };
};

const failing = (code: ErrorCode) => async () => {
  throw new TidecacheError(code, 'no');
};

t.test('only what may succeed in a moment is tried again', async (t) => {
  const retried = new Set(['BUSY', 'TIMEOUT', 'UNREACHABLE', 'CORRUPT', 'ORIGIN_FAILED']);
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    const { tools, pauses } = world();
    await t.rejects(withRetries('x', { deadlineMs: 60_000 }, tools, failing(code)), { code });
    t.equal(pauses.length, retried.has(code) ? MAX_ATTEMPTS - 1 : 0, code);
  }
});

t.test('pauses grow, with full jitter, to the cap', async (t) => {
  const { tools, pauses } = world(0.5);
  await t.rejects(withRetries('x', { deadlineMs: 60_000 }, tools, failing('BUSY')));
  t.same(
    pauses,
    [1, 2, 3, 4].map((n) => 0.5 * Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** n)),
  );
});

t.test('a try that succeeds ends it', async (t) => {
  const { tools, pauses } = world();
  let tries = 0;
  const value = await withRetries('x', { deadlineMs: 60_000 }, tools, async () => {
    if (++tries < 3) throw new TidecacheError('BUSY', 'no');
    return tries;
  });
  t.equal(value, 3);
  t.equal(pauses.length, 2);
});

t.test('the deadline bounds it, and the last failure is told', async (t) => {
  const { tools, pass } = world();
  let tries = 0;
  const attempt = async () => {
    tries++;
    pass(90);
    throw new TidecacheError('BUSY', `no ${tries}`);
  };
  await t.rejects(withRetries('x', { deadlineMs: 150 }, tools, attempt), { code: 'BUSY', message: 'no 1' });
  await t.rejects(withRetries('x', { deadlineMs: 0 }, tools, attempt), { code: 'TIMEOUT' });
  t.equal(tries, 1);
});

t.test('each try knows what is left', async (t) => {
  const { tools, pass } = world(0);
  const seen: number[] = [];
  await t.rejects(
    withRetries('x', { deadlineMs: 12_000 }, tools, async ({ limitMs, remainingMs }) => {
      seen.push(limitMs, remainingMs);
      pass(5_000);
      throw new TidecacheError('TIMEOUT', 'no');
    }),
  );
  t.same(seen, [10_000, 12_000, 7_000, 7_000, 2_000, 2_000]);
});

t.test('a signal ends a pause', async (t) => {
  const abort = new AbortController();
  const { tools } = world();
  const sleep = async () => {
    abort.abort();
    throw new Error('aborted');
  };
  const call = { deadlineMs: 1000, signal: abort.signal };
  await t.rejects(withRetries('x', call, { ...tools, sleep }, failing('BUSY')), { code: 'CANCELLED' });
});
