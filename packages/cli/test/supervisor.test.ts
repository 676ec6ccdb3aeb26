import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { t } from 'tap';
import {
  CHILD_READY_MS,
  CHILD_STOP_MS,
  RESTART_FORGET_MS,
  RESTART_MAX_MS,
  RESTART_MIN_MS,
} from '../src/limits.js';
import type { Logger } from '../src/logger.js';
import { type SupervisorInit, supervise } from '../src/supervisor.js';

class FakeChild extends EventEmitter {
  readonly signals: string[] = [];
  constructor(
    readonly pid: number | undefined,
    readonly args: readonly string[],
  ) {
    super();
  }
  kill(signal: string) {
    this.signals.push(signal);
    if (signal === 'SIGKILL') this.exit(null, signal);
    return true;
  }
  exit(status: number | null, signal: string | null = null) {
    this.emit('exit', status, signal);
  }
  ready() {
    this.emit('message', { type: 'ready', ready: { port: this.pid } });
  }
}

/** A supervisor whose processes and time are the test's. */
function setUp(init: Partial<SupervisorInit> = {}) {
  const children: FakeChild[] = [];
  const said: string[] = [];
  const say = (_: object, message: string) => void said.push(message);
  const logger: Logger = { debug: say, info: say, warn: say, error: say };
  let now = 0;
  let timers: { at: number; run: () => void }[] = [];
  const supervisor = supervise({
    name: 'worker-1',
    args: () => ['worker', String(children.length)],
    env: {},
    logger,
    spawn: (args) => {
      const child = new FakeChild(100 + children.length, args);
      children.push(child);
      return child as unknown as ChildProcess;
    },
    now: () => now,
    schedule: (run, ms) => {
      const timer = { at: now + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    ...init,
  });
  const advance = (ms: number) => {
    now += ms;
    const due = timers.filter((timer) => timer.at <= now);
    timers = timers.filter((timer) => timer.at > now);
    for (const timer of due) timer.run();
  };
  const last = () => children.at(-1) as FakeChild;
  return { supervisor, children, last, advance, said, pending: () => timers.length };
}

t.test('start resolves to what the child says', async (t) => {
  const { supervisor, last, pending } = setUp();
  const started = supervisor.start();
  last().emit('message', 'something else');
  last().ready();
  t.same(await started, { port: 100 });
  t.equal(supervisor.pid, 100);
  t.equal(pending(), 0, 'no deadline is left');
});

t.test('a child that fails at its first start is the caller’s failure, with its reason', async (t) => {
  const { supervisor, last, children } = setUp();
  const started = supervisor.start();
  last().emit('message', { type: 'failed', message: 'port 1 is in use' });
  last().exit(1);
  await t.rejects(started, { message: 'the worker-1 did not start: port 1 is in use' });
  t.equal(children.length, 1, 'not tried again');
  await supervisor.stop();
});

t.test('a child that ends without a word, or cannot be started', async (t) => {
  const a = setUp();
  const started = a.supervisor.start();
  a.last().exit(null, 'SIGSEGV');
  await t.rejects(started, { message: 'the worker-1 did not start: ended by SIGSEGV' });
  const b = setUp({ spawn: () => new FakeChild(undefined, []) as unknown as ChildProcess });
  const refused = b.supervisor.start();
  await t.rejects(
    Promise.race([
      refused,
      Promise.resolve()
        .then(() => b.advance(CHILD_READY_MS))
        .then(() => refused),
    ]),
    {
      message: /was not ready/,
    },
  );
});

t.test('a child that is not ready in time is killed, and that is a condition not met', async (t) => {
  const { supervisor, last, advance } = setUp();
  const started = supervisor.start();
  advance(CHILD_READY_MS);
  t.same(last().signals, ['SIGKILL']);
  await t.rejects(started, { name: 'NotInTimeError', message: /not ready after/ });
});

t.test('a child that dies is started again, later each time, up to the longest wait', async (t) => {
  const { supervisor, children, last, advance, said } = setUp();
  const started = supervisor.start();
  last().ready();
  await started;
  for (let waitMs = RESTART_MIN_MS, n = 1; n <= 10; n++, waitMs = Math.min(2 * waitMs, RESTART_MAX_MS)) {
    last().exit(null, 'SIGKILL');
    t.equal(supervisor.pid, undefined);
    t.match(said.at(-1), `the worker-1 died (ended by SIGKILL); starting it again in ${waitMs} ms`);
    advance(waitMs - 1);
    t.equal(children.length, n, 'not before');
    advance(1);
    t.equal(children.length, n + 1);
    t.same(last().args, ['worker', String(n)], 'the command line is asked for again');
    last().ready();
    t.equal(said.at(-1), 'the worker-1 is back');
    t.equal(supervisor.restarts, n);
  }
  advance(RESTART_FORGET_MS);
  last().exit(1);
  t.match(said.at(-1), `starting it again in ${RESTART_MIN_MS} ms`, 'a long life is forgiven');
  await supervisor.stop();
});

t.test('a restart that fails, or hangs, is tried again once', async (t) => {
  const { supervisor, children, last, advance } = setUp();
  const started = supervisor.start();
  last().ready();
  await started;
  last().exit(1);
  advance(RESTART_MIN_MS);
  last().emit('message', { type: 'failed', message: 'no master' });
  last().exit(1);
  advance(2 * RESTART_MIN_MS);
  t.equal(children.length, 3);
  advance(CHILD_READY_MS);
  t.same(last().signals, ['SIGKILL'], 'a restart has a deadline too');
  advance(4 * RESTART_MIN_MS);
  t.equal(children.length, 4);
  advance(RESTART_MAX_MS);
  t.equal(children.length, 4);
  last().ready();
});

t.test('stop asks, waits, then kills; nothing is restarted', async (t) => {
  const { supervisor, children, last, advance, pending } = setUp();
  const started = supervisor.start();
  last().ready();
  await started;
  const stopped = supervisor.stop();
  t.same(last().signals, ['SIGTERM']);
  advance(CHILD_STOP_MS);
  t.same(last().signals, ['SIGTERM', 'SIGKILL']);
  await stopped;
  t.equal(children.length, 1);
  t.equal(pending(), 0);
  await supervisor.stop();
});

t.test('stop while a restart is pending', async (t) => {
  const { supervisor, children, last, advance } = setUp();
  const started = supervisor.start();
  last().ready();
  await started;
  last().exit(1);
  await supervisor.stop();
  advance(RESTART_MAX_MS);
  t.equal(children.length, 1);
});

t.test('an end that a child chose itself is told, where somebody wants to know', async (t) => {
  let ended = 0;
  const { supervisor, last, pending } = setUp({ onEnded: () => ended++ });
  const started = supervisor.start();
  last().ready();
  await started;
  last().exit(0);
  t.equal(ended, 1);
  t.equal(pending(), 0, 'and not restarted');
});

t.test('what a dead child leaves is cleaned up before the next', async (t) => {
  let cleaned = 0;
  const { supervisor, last } = setUp({ afterDeath: () => cleaned++ });
  const started = supervisor.start();
  last().ready();
  await started;
  last().exit(null, 'SIGKILL');
  t.equal(cleaned, 1);
  await supervisor.stop();
});
