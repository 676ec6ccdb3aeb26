import { ERRORS, type TidecacheError } from '@tidecache/protocol';
import { t } from 'tap';
import {
  MAX_THREAD_REQUESTS,
  THREAD_CLOSE_MS,
  THREAD_LOOK_MS,
  THREAD_SILENT_LOOKS,
} from '../../src/limits.js';
import { IoThread } from '../../src/threads/io-thread.js';
import { FROM_IO, OWN_MEMORY, TO_IO } from '../../src/threads/messages.js';
import { manualClock } from '../support/clock.js';
import { FakeThread } from '../support/fake-thread.js';
import { turns } from '../support/pair.js';

const LONG_MS = 60_000;
const BODY = Buffer.from('body');

/** A thread with one peer in it. */
function fixture() {
  const thread = new FakeThread();
  const clock = manualClock();
  const heard: string[] = [];
  const io = new IoThread({ name: 'it', thread, clock, onEnded: ({ code }) => heard.push(`ended ${code}`) });
  const owner = {
    inFlightBytes: 0,
    up: () => heard.push('up'),
    down: ({ message }: TidecacheError) => heard.push(`down ${message}`),
    push: (opcode: number, body: Buffer) => heard.push(`push ${opcode} ${body}`),
    ended: ({ message }: TidecacheError) => heard.push(`gone ${message}`),
  };
  const data = { address: { host: 'there', port: 1 }, secret: 'a secret', name: 'client' };
  const peer = io.open(owner, data);
  const ask = (options = {}) => io.request(peer, 1, BODY, { deadlineMs: LONG_MS, ...options });
  /** What it was told of a kind. */
  const told = (kind: number) => thread.messages.filter((message) => message.kind === kind);
  return { thread, clock, heard, io, owner, peer, data, ask, told };
}

t.test('a request as the thread is told of it: shared memory by its number, introduced once', async (t) => {
  const { thread, ask, told, peer, data } = fixture();
  const shared = [new SharedArrayBuffer(100), new SharedArrayBuffer(100)] as const;
  const at = (i: 0 | 1, from: number, to: number) => ({ into: Buffer.from(shared[i]).subarray(from, to) });
  const { signal } = new AbortController();
  const all = [
    ask(at(0, 10, 30)),
    ask({ ...at(1, 0, 100), silenceMs: 70, patient: true, signal }),
    ask({ ...at(0, 99, 100), signal }),
    ask({ into: Buffer.from(new ArrayBuffer(5)) }),
    ask(),
  ];
  for (const request of all) request.catch(() => {});
  await turns(1);
  t.equal(thread.batches.length, 1);
  t.equal(thread.batches[0]!.shared.length, 2);
  t.same(JSON.parse(`${told(TO_IO.open)[0]!.bytes}`), data);
  t.same(
    told(TO_IO.request).map(({ numbers, bytes }) => [...numbers.filter((_, i) => i !== 1), `${bytes}`]),
    [
      [peer, 1, 0, LONG_MS, 0, 0, 10, 20, 'body'],
      [peer, 1, 3, LONG_MS, 70, 1, 0, 100, 'body'],
      [peer, 1, 2, LONG_MS, 0, 0, 99, 1, 'body'],
      [peer, 1, 0, LONG_MS, 0, OWN_MEMORY, 0, 5, 'body'],
      [peer, 1, 0, LONG_MS, 0, -1, 0, 0, 'body'],
    ],
  );
  ask(at(1, 5, 6)).catch(() => {});
  await turns(1);
  t.equal(thread.batches[1]!.shared.length, 0);
});

t.test('progress, the reply, and what is still in flight', async (t) => {
  const { thread, ask, told, owner } = fixture();
  const progress: number[] = [];
  const into = Buffer.from(new SharedArrayBuffer(100));
  const reply = ask({ into, onProgress: (bytes: number) => progress.push(bytes) });
  const short = ask({ into: into.subarray(0, 10) });
  t.equal(owner.inFlightBytes, 110);
  await turns(1);
  const [first, second] = told(TO_IO.request).map(({ numbers }) => numbers[1]!);
  thread.say(FROM_IO.progress, [first!, 40]);
  t.equal(owner.inFlightBytes, 70);
  thread.say(FROM_IO.reply, [first!, 100, 3], 'end');
  t.match(await reply, { payloadBytes: 100, payload: undefined, body: Buffer.from('end') });
  t.same(progress, [40, 100]);
  thread.say(FROM_IO.fail, [second!, ERRORS.STALE.wire], 'gone');
  await t.rejects(short, { code: 'STALE', message: 'gone' });
  t.equal(owner.inFlightBytes, 0);
  thread.say(FROM_IO.progress, [first!, 100]);
  t.same(progress, [40, 100], 'what has settled hears nothing more');
});

t.test('a cancelled request settles when the thread has let go of its memory, not before', async (t) => {
  const { thread, ask, told } = fixture();
  const controller = new AbortController();
  let outcome = '';
  const request = ask({ signal: controller.signal }).then(
    () => {
      outcome = 'whole';
    },
    ({ code }: TidecacheError) => {
      outcome = code;
    },
  );
  controller.abort();
  await turns(3);
  const [number] = told(TO_IO.cancel)[0]!.numbers;
  t.equal(number, told(TO_IO.request)[0]!.numbers[1]);
  t.equal(outcome, '');
  thread.say(FROM_IO.fail, [number!, ERRORS.CANCELLED.wire], 'cancelled');
  await request;
  t.equal(outcome, 'CANCELLED');
});

t.test('a thread that falls silent is ended, and all it was asked with it', async (t) => {
  const { thread, clock, heard, ask, told, owner } = fixture();
  const outcome = t.rejects(ask({ into: Buffer.alloc(9) }), { code: 'UNREACHABLE', message: /it: silent/ });
  const look = async () => {
    clock.advance(THREAD_LOOK_MS);
    await turns(1);
  };
  for (let i = 0; i < 3 * THREAD_SILENT_LOOKS; i++) {
    await look();
    thread.say(FROM_IO.pong, []);
  }
  t.ok(told(TO_IO.ping).length >= THREAD_SILENT_LOOKS);
  for (let i = 0; i < THREAD_SILENT_LOOKS; i++) await look();
  t.notOk(thread.isTerminated);
  await look();
  t.ok(thread.isTerminated);
  t.equal(owner.inFlightBytes, 9, 'its memory may still be written to');
  thread.exit();
  await outcome;
  t.equal(owner.inFlightBytes, 0);
  t.same(heard, ['ended UNREACHABLE', 'gone it: silent, and ended for it']);
  t.equal(clock.timers, 0);
});

t.test('a thread that has nothing to do is not asked for signs of life', async (t) => {
  const { thread, clock, ask, told } = fixture();
  const reply = ask();
  await turns(1);
  thread.say(FROM_IO.reply, [told(TO_IO.request)[0]!.numbers[1]!, 0, 0]);
  await reply;
  clock.advance(2 * THREAD_LOOK_MS);
  await turns(1);
  t.equal(clock.timers, 0);
  t.same(told(TO_IO.ping), []);
});

t.test('one that throws ends as what it threw; closing waits for no thread that is gone', async (t) => {
  const { thread, heard, ask, io, peer } = fixture();
  const outcome = t.rejects(ask(), { code: 'UNREACHABLE', message: 'it: a bug' });
  const closed = io.close(peer);
  thread.emit('error', new Error('a bug'));
  thread.exit();
  await Promise.all([outcome, closed, io.end()]);
  t.same(heard, ['ended UNREACHABLE', 'gone it: a bug']);
});

t.test('an end that does not come is waited for in vain only so long', async (t) => {
  const { clock, io, thread } = fixture();
  const ended = io.end();
  t.ok(thread.isTerminated);
  clock.advance(THREAD_CLOSE_MS);
  await ended;
});

t.test('more requests than a thread may have are BUSY', async (t) => {
  const { ask, thread } = fixture();
  const all = Array.from({ length: MAX_THREAD_REQUESTS }, () => ask());
  await t.rejects(ask(), { code: 'BUSY' });
  thread.exit();
  const outcomes = await Promise.allSettled(all);
  t.ok(outcomes.every(({ status }) => status === 'rejected'));
});

t.test('events find their peer, until it is closed', async (t) => {
  const { thread, heard, io, peer } = fixture();
  thread.say(FROM_IO.up, [peer]);
  thread.say(FROM_IO.push, [peer, 8], 'news');
  thread.say(FROM_IO.down, [peer, ERRORS.UNREACHABLE.wire], 'broken');
  const closed = io.close(peer);
  thread.say(FROM_IO.closed, [peer]);
  await closed;
  thread.say(FROM_IO.up, [peer]);
  t.same(heard, ['up', 'push 8 news', 'down broken']);
});
