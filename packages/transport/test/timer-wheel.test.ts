import { t } from 'tap';
import { WHEEL_SLOTS, WHEEL_TICK_MS } from '../src/limits.js';
import { type TimerEntry, TimerWheel } from '../src/timer-wheel.js';
import { manualClock } from './support/clock.js';
import { seeded } from './support/random.js';

class Probe implements TimerEntry {
  dueAt = 0;
  previous: TimerEntry | undefined;
  next: TimerEntry | undefined;
  firedAt: number[] = [];
  constructor(private readonly onFire: (probe: Probe) => void) {}
  expire(): void {
    this.onFire(this);
  }
}

t.test('fires within a tick after its time, never before, over many turns of the wheel', async (t) => {
  const seed = Date.now() >>> 0;
  t.comment(`seed ${seed}`);
  const random = seeded(seed);
  const clock = manualClock(123_456.7);
  const wheel = new TimerWheel(clock);
  const record = (probe: Probe) => probe.firedAt.push(clock.now());
  const farMs = WHEEL_SLOTS * WHEEL_TICK_MS * 5;
  const kept: Probe[] = [];
  for (let i = 0; i < 2_000; i++) {
    const probe = new Probe(record);
    wheel.schedule(probe, clock.now() + random() * farMs - 50);
    if (random() < 0.3) wheel.cancel(probe);
    else kept.push(probe);
    if (random() < 0.2) clock.advance(random() * 100);
  }
  clock.advance(farMs + 100);
  let worst = 0;
  for (const probe of kept) {
    if (probe.firedAt.length !== 1 || probe.firedAt[0]! < probe.dueAt) t.fail(`fired at ${probe.firedAt}`);
    // One that was due when it was scheduled waits for the next tick.
    worst = Math.max(worst, probe.firedAt[0]! - probe.dueAt);
  }
  t.ok(worst <= 50 + 2 * WHEEL_TICK_MS, `at most ${worst} ms late`);
  t.equal(wheel.size, 0);
  t.equal(clock.timers, 0, 'an empty wheel holds no timer');
});

t.test('an entry may cancel and move others while it fires', async (t) => {
  const clock = manualClock();
  const wheel = new TimerWheel(clock);
  const fired: string[] = [];
  const victim = new Probe(() => fired.push('victim'));
  const moved = new Probe(() => fired.push('moved'));
  const first = new Probe(() => {
    fired.push('first');
    wheel.cancel(victim);
    wheel.schedule(moved, clock.now() + 100);
  });
  const dueAt = clock.now() + 20;
  for (const probe of [first, victim, moved]) wheel.schedule(probe, dueAt);
  clock.advance(50);
  t.same(fired, ['first']);
  clock.advance(100);
  t.same(fired, ['first', 'moved']);
});

t.test('a jump over many turns fires everything once', async (t) => {
  const clock = manualClock();
  const wheel = new TimerWheel(clock);
  let count = 0;
  for (let i = 0; i < 1000; i++) wheel.schedule(new Probe(() => count++), clock.now() + i * 37);
  // A suspended machine: one timer, long overdue.
  clock.advance(1_000_000);
  t.equal(count, 1000);
});
