import { t } from 'tap';
import { MAX_FS_CALLS } from '../../src/limits.js';
import { Budget, FsGate } from '../../src/nas/gate.js';

const budget = (deadlineMs: number, signal?: AbortSignal) =>
  new Budget('try', { deadlineMs, ...(signal && { signal }) }, () => performance.now());

const deferred = <T>() => {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
};

t.test('a call that hangs is told of at its deadline, and keeps its slot', async (t) => {
  const gate = new FsGate();
  const hanging = Array.from({ length: MAX_FS_CALLS }, () => deferred<number>());
  const discarded: number[] = [];
  const calls = hanging.map(({ promise }) =>
    gate.run(
      budget(20),
      () => promise,
      (late) => discarded.push(late),
    ),
  );
  for (const call of calls) await t.rejects(call, { code: 'TIMEOUT' });
  let ran = false;
  const next = gate.run(budget(20), async () => {
    ran = true;
  });
  await t.rejects(next, { code: 'TIMEOUT' }, 'no thread is left for one more');
  t.equal(ran, false, 'it was not even begun');
  for (const [i, { resolve }] of hanging.entries()) resolve(i);
  await t.resolves(
    gate.run(budget(1_000), async () => 1),
    'they come back: there is room again',
  );
  t.equal(discarded.length, MAX_FS_CALLS, 'what they brought is cleaned up');
  t.equal(ran, false, 'and nothing is done for who left');
});

t.test('slots pass on in order', async (t) => {
  const gate = new FsGate();
  const first = Array.from({ length: MAX_FS_CALLS }, () => deferred<void>());
  const running = first.map(({ promise }) => gate.run(budget(5_000), () => promise));
  const order: number[] = [];
  const waiting = [1, 2, 3].map((i) =>
    gate.run(budget(5_000), async () => {
      order.push(i);
    }),
  );
  for (const { resolve } of first) resolve();
  await Promise.all([...running, ...waiting]);
  t.same(order, [1, 2, 3]);
});

t.test('a signal ends the wait', async (t) => {
  const gate = new FsGate();
  const abort = new AbortController();
  const { promise, resolve } = deferred<void>();
  const call = gate.run(budget(5_000, abort.signal), () => promise);
  abort.abort();
  await t.rejects(call, { code: 'CANCELLED' });
  resolve();
});

t.test('failures become ours', async (t) => {
  const gate = new FsGate();
  const fail = (code: string) =>
    gate.run(budget(1_000), () => Promise.reject(Object.assign(new Error(code), { code })));
  for (const [errno, code] of [
    ['ENOENT', 'NOT_FOUND'],
    ['EACCES', 'ACCESS_DENIED'],
    ['EIO', 'ORIGIN_FAILED'],
    ['ENOSPC', 'NO_SPACE'],
    ['EROFS', 'READ_ONLY'],
    ['EMFILE', 'BUSY'],
  ] as const) {
    await t.rejects(fail(errno), {
      name: 'TidecacheError',
      code,
      message: new RegExp(`cannot try: ${errno}`),
    });
  }
});
