import { t } from 'tap';
import { BusyPoll } from '../../src/kernel/busy-poll.js';
import { BUSY_POLL_CREDIT, MAX_BUSY_POLL_ANSWER_BYTES, MAX_BUSY_POLL_CREDIT } from '../../src/limits.js';

const POLL_MS = 0.1;

/** A mount whose event loop takes 10 µs a turn, and sleeps when nothing wants another turn. */
class Loop {
  now = 1000;
  /** Turns that were taken awake. */
  turns = 0;
  readonly poll: BusyPoll;
  #next: (() => void) | undefined;

  constructor(pollMs = POLL_MS) {
    this.poll = new BusyPoll({
      pollMs,
      now: () => this.now,
      nextTurn: (run) => {
        this.#next = run;
      },
    });
  }

  get awake(): boolean {
    return this.#next !== undefined;
  }

  /** The next request comes after `ms`, and is answered with `bytes`. */
  request(ms: number, bytes = 100): void {
    const until = this.now + ms;
    while (this.#next && this.now + 0.01 < until) {
      const next = this.#next;
      this.#next = undefined;
      this.now += 0.01;
      this.turns++;
      next();
    }
    this.now = until;
    this.poll.asked();
    this.poll.answered(bytes);
  }

  requests(count: number, ms: number, bytes?: number): void {
    for (let i = 0; i < count; i++) this.request(ms, bytes);
  }
}

t.test('stays awake once requests come at once', async (t) => {
  const loop = new Loop();
  loop.requests(BUSY_POLL_CREDIT, 0.05);
  t.equal(loop.turns, 0, 'not before');
  loop.requests(10, 0.05);
  t.ok(loop.turns >= 10 * 3 && loop.awake, `${loop.turns} turns awake`);
});

t.test('falls asleep when the next request does not come in time', async (t) => {
  const loop = new Loop();
  loop.requests(100, 0.05);
  const before = loop.turns;
  loop.request(60_000);
  const most = POLL_MS / 0.01 + 2;
  t.ok(loop.turns - before <= most, `${loop.turns - before} turns in a minute`);
});

t.test('a pause does not end it, some in a row do', async (t) => {
  const loop = new Loop();
  loop.requests(MAX_BUSY_POLL_CREDIT + 1, 0.05);
  loop.request(5);
  t.ok(loop.awake);
  loop.requests(4, 5);
  t.notOk(loop.awake);
  const before = loop.turns;
  loop.requests(1000, 0.15);
  t.equal(loop.turns, before, 'no turn awake for requests that come later than it would wait');
});

t.test('half of the requests late: it is not worth it', async (t) => {
  const loop = new Loop();
  for (let i = 0; i < 1000; i++) loop.request(i % 2 === 0 ? 0.05 : 5);
  t.equal(loop.turns, 0);
});

t.test('nobody waits awake for who got much', async (t) => {
  const loop = new Loop();
  loop.requests(100, 0.05, MAX_BUSY_POLL_ANSWER_BYTES + 1);
  t.equal(loop.turns, 0);
});

t.test('never, when it was told so', async (t) => {
  const loop = new Loop(0);
  loop.requests(100, 0);
  t.notOk(loop.awake);
});
