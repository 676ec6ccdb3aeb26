import { EventEmitter } from 'node:events';
import { TidecacheError } from '@tidecache/protocol';
import { t } from 'tap';
import { type Lifecycle, type LifecycleInit, type ProcessEvents, runUntilStopped } from '../src/lifecycle.js';
import type { Logger } from '../src/logger.js';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

class FakeProcess extends EventEmitter {
  send: unknown;
  connected = false;
}

function begin(
  start: (life: Lifecycle) => Promise<void>,
  init: Partial<LifecycleInit> = {},
  connected = false,
) {
  const events = new FakeProcess();
  events.connected = connected;
  if (connected) events.send = () => {};
  const forced: number[] = [];
  const done = runUntilStopped(
    {
      logger: silent,
      events: events as unknown as ProcessEvents,
      force: (status) => forced.push(status),
      ...init,
    },
    start,
  );
  return { events, forced, done };
}

/** Lets everything that is ready run. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  t.test(`${signal} closes, the last part first, and takes the listeners off`, async (t) => {
    const closed: string[] = [];
    const { events, done, forced } = begin(async (life) => {
      for (const what of ['a', 'b', 'c']) {
        life.defer(what, async () => {
          await turn();
          closed.push(what);
        });
      }
    });
    await turn();
    t.same(closed, [], 'serves until then');
    events.emit(signal);
    await done;
    t.same(closed, ['c', 'b', 'a']);
    t.same(events.eventNames(), []);
    t.same(forced, []);
  });
}

t.test('what start throws is the failure, after what it had made is closed', async (t) => {
  let closed = false;
  const { done } = begin(async (life) => {
    life.defer('first', () => {
      closed = true;
    });
    throw new TidecacheError('ALREADY_EXISTS', 'the port is in use');
  });
  await t.rejects(done, { code: 'ALREADY_EXISTS' });
  t.ok(closed);
});

t.test('stop with an error is a failure, without one an end', async (t) => {
  await t.rejects(begin(async (life) => life.stop(new TidecacheError('CORRUPT', 'x'))).done, {
    code: 'CORRUPT',
  });
  await begin(async (life) => life.stop()).done;
});

t.test('a part that cannot be closed does not keep the others open, and is told', async (t) => {
  const closed: string[] = [];
  const { events, done } = begin(async (life) => {
    life.defer('a', () => void closed.push('a'));
    life.defer('b', () => {
      throw new Error('stuck');
    });
  });
  events.emit('SIGTERM');
  await t.rejects(done, { message: 'cannot close the b: stuck' });
  t.same(closed, ['a']);
});

t.test('a signal during the start: what is being made is still closed', async (t) => {
  let finish = () => {};
  let closed = false;
  const { events, done } = begin(async (life) => {
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    life.defer('late', () => {
      closed = true;
    });
  });
  events.emit('SIGINT');
  await turn();
  finish();
  await done;
  t.ok(closed);
});

t.test('a start that fails because the end has begun is no failure', async () => {
  const { events, done } = begin(async (life) => {
    await new Promise((resolve) => life.stopping.addEventListener('abort', resolve));
    throw new TidecacheError('CANCELLED', 'given up');
  });
  events.emit('SIGINT');
  await done;
});

t.test('a start that does not end is not waited for long', async () => {
  const { events, done } = begin(() => new Promise(() => {}), { closeMs: 40 });
  events.emit('SIGINT');
  await done;
});

t.test('a second signal forces, with what is left behind cleaned up', async (t) => {
  let cleaned = false;
  let release = () => {};
  const onForce = () => {
    cleaned = true;
  };
  const stuck = (life: Lifecycle) => {
    life.defer(
      'stuck',
      () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    );
    return Promise.resolve();
  };
  const { events, forced, done } = begin(stuck, { onForce });
  events.emit('SIGINT');
  await turn();
  t.same(forced, []);
  events.emit('SIGINT');
  t.same(forced, [1]);
  t.ok(cleaned);
  release();
  await done;
});

t.test('closing has a bound', async (t) => {
  let release = () => {};
  const forced = await new Promise<number>((resolve, reject) => {
    const { events, done } = begin(
      async (life) => {
        life.defer(
          'stuck',
          () =>
            new Promise<void>((open) => {
              release = open;
            }),
        );
      },
      { closeMs: 20, force: resolve },
    );
    done.catch(reject);
    events.emit('SIGTERM');
  });
  t.equal(forced, 1);
  release();
});

t.test('under a supervisor SIGINT and SIGHUP are its business; its end is ours', async (t) => {
  let closed = false;
  const { events, done } = begin(
    async (life) => {
      life.defer('part', () => {
        closed = true;
      });
    },
    {},
    true,
  );
  await turn();
  events.emit('SIGINT');
  events.emit('SIGINT');
  events.emit('SIGHUP');
  await turn();
  t.notOk(closed);
  events.emit('disconnect');
  await done;
  t.ok(closed);
});

t.test('a supervisor that died before anybody listened: nothing is started', async (t) => {
  const events = Object.assign(new FakeProcess(), { send: () => {} });
  let started = false;
  const start = async () => {
    started = true;
  };
  await runUntilStopped({ logger: silent, events }, start);
  t.notOk(started);
});

t.test('an exception that nobody caught closes too, and is a failure', async (t) => {
  let closed = false;
  const { events, done } = begin(async (life) => {
    life.defer('part', () => {
      closed = true;
    });
  });
  await turn();
  events.emit('uncaughtException', new TypeError('oops'));
  await t.rejects(done, { code: 'INTERNAL', message: /a bug.*oops/ });
  t.ok(closed);
});
