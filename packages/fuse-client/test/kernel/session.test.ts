import { constants } from 'node:os';
import { inodeId, TidecacheError } from '@tidecache/protocol';
import { t } from 'tap';
import type { RequestHeader } from '../../src/kernel/conversion.js';
import { Session } from '../../src/kernel/session.js';
import { SILENT } from '../../src/logger.js';
import { FakeDevice } from '../support/requests.js';

const { errno } = constants;
const header = (unique: number, pid = 1): RequestHeader => ({ opcode: 15, unique, ino: inodeId(9), pid });

function setUp(killed: ReadonlySet<number> = new Set()) {
  const device = new FakeDevice();
  const clock = { nowMs: 0 };
  const session = new Session({
    device,
    logger: SILENT,
    operationDeadlineMs: 1000,
    now: () => clock.nowMs,
    isKilled: (pid) => killed.has(pid),
  });
  const undone: unknown[] = [];
  const serve = <T>(unique: number, answer: T | Promise<T>, pid = 1) =>
    session.settle(
      header(unique, pid),
      answer,
      () => session.replyError(header(unique, pid), ''),
      (value, delivered) => undone.push([value, delivered]),
    );
  t.teardown(() => session.end());
  return { device, clock, session, undone, serve };
}

t.test('answers at once, or when it comes', async (t) => {
  const { device, session, undone, serve } = setUp();
  serve(2, 'now');
  const later = Promise.resolve('later');
  serve(4, later);
  t.equal(session.pendingCount, 1);
  await later;
  t.same(
    device.answers.map((answer) => [answer.unique, answer.error]),
    [
      [2, 0],
      [4, 0],
    ],
  );
  t.same(undone, [
    ['now', true],
    ['later', true],
  ]);
  t.equal(session.pendingCount, 0);
});

t.test('what fails has its errno', async (t) => {
  const { device, serve } = setUp();
  serve(2, Promise.reject(new TidecacheError('STALE', 'changed')));
  serve(4, Promise.reject(new Error('a bug')));
  await new Promise(setImmediate);
  t.same(
    device.answers.map((answer) => answer.error),
    [errno.ESTALE, errno.EIO],
  );
});

t.test('what never comes is answered with ETIMEDOUT, and given back when it comes after all', async (t) => {
  const { device, clock, session, undone, serve } = setUp();
  let resolve: (value: string) => void = () => {};
  serve(
    2,
    new Promise<string>((r) => {
      resolve = r;
    }),
  );
  clock.nowMs = 999;
  session.sweep();
  t.same(device.answers, []);
  clock.nowMs = 1000;
  session.sweep();
  session.sweep();
  t.same(
    device.answers.map((answer) => answer.error),
    [errno.ETIMEDOUT],
    'once',
  );
  resolve('late');
  await new Promise(setImmediate);
  t.equal(device.answers.length, 1);
  t.same(undone, [['late', false]]);
});

t.test('an answer that nobody waits for is given back', (t) => {
  const { device, undone, serve } = setUp();
  device.delivers = false;
  serve(2, 'handle');
  t.same(undone, [['handle', false]]);
  t.end();
});

t.test('only who was killed is interrupted', (t) => {
  const killed = new Set([7]);
  const { device, session, serve } = setUp(killed);
  serve(2, new Promise(() => {}), 7);
  serve(4, new Promise(() => {}), 8);
  session.interrupt(2);
  session.interrupt(4);
  session.interrupt(99);
  t.same(
    device.answers.map((answer) => [answer.unique, answer.error]),
    [[2, errno.EINTR]],
  );
  // It handled that signal; the next one kills it, of which the kernel says nothing.
  killed.add(8);
  session.sweep();
  t.same(device.answers.at(-1), { unique: 4, error: errno.EINTR, body: Buffer.alloc(0) });
  t.equal(session.pendingCount, 0);
  t.end();
});
