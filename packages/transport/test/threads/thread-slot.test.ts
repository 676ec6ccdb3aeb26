import { t } from 'tap';
import { PEER_LIMITS } from '../../src/limits.js';
import { ThreadSlot } from '../../src/threads/thread-slot.js';
import { manualClock } from '../support/clock.js';
import { FakeThread } from '../support/fake-thread.js';

function fixture() {
  const clock = manualClock();
  const started: FakeThread[] = [];
  const ends: string[] = [];
  const slot = new ThreadSlot({
    name: 'it',
    clock,
    random: () => 1,
    onThreadEnded: ({ message }) => ends.push(message),
    start: () => {
      const thread = new FakeThread();
      started.push(thread);
      return thread;
    },
  });
  return { clock, started, ends, slot };
}

t.test('started with the first peer, once; started again when it is needed, after a pause', async (t) => {
  const { clock, started, ends, slot } = fixture();
  t.equal(started.length, 0);
  slot.enter();
  slot.enter();
  t.equal(slot.peers, 2);
  t.equal(slot.thread(), slot.thread());
  t.equal(started.length, 1);
  started[0]!.exit(7);
  t.same(ends, ['it: the thread ended (status 7)']);
  t.throws(() => slot.thread(), { code: 'UNREACHABLE', message: /status 7/ });
  slot.enter();
  t.equal(started.length, 1, 'pausing');
  let ran = 0;
  slot.afterPause(() => ran++);
  clock.advance(PEER_LIMITS.backoffMinMs);
  t.equal(ran, 1);
  slot.thread();
  t.equal(started.length, 2);
});

t.test('pauses grow while threads die young, and are short again after one that lasted', async (t) => {
  const { clock, started, slot } = fixture();
  const pauseMs = () => {
    slot.thread();
    started.at(-1)!.exit();
    const from = clock.now();
    for (;;) {
      try {
        slot.thread();
        return clock.now() - from;
      } catch {
        clock.advance(PEER_LIMITS.backoffMinMs);
      }
    }
  };
  t.same([pauseMs(), pauseMs(), pauseMs()], [50, 100, 200]);
  clock.advance(PEER_LIMITS.backoffMaxMs + 1);
  t.equal(pauseMs(), 50);
});

t.test('closed: the thread is ended, and that is no news', async (t) => {
  const { started, ends, slot } = fixture();
  slot.enter();
  const closed = slot.close();
  t.ok(started[0]!.isTerminated);
  started[0]!.exit();
  await closed;
  t.same(ends, []);
  t.throws(() => slot.thread(), { code: 'CANCELLED' });
  slot.leave();
  slot.enter();
  t.equal(started.length, 1);
});
