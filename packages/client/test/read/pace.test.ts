import { MiB } from '@tidecache/protocol';
import { t } from 'tap';
import { MIN_IN_FLIGHT_BYTES } from '../../src/limits.js';
import { Pace } from '../../src/read/pace.js';

/** A link that delivers `bytesPerMs`, one segment after the other, with as much asked for as the pace allows. */
function drive(bytesPerMs: number, segments: number) {
  const pace = new Pace();
  let now = 0;
  let most = 0;
  const queue: { departure: ReturnType<Pace['depart']> }[] = [];
  for (let done = 0; done < segments; done++) {
    while (pace.roomFor(MiB) && queue.length < 4096) queue.push({ departure: pace.depart(MiB, now) });
    most = Math.max(most, pace.inFlightBytes);
    now += MiB / bytesPerMs;
    pace.arrive(queue.shift()!.departure, MiB, MiB, now);
  }
  return { pace, most };
}

t.test('a thin link is not asked for more than it brings in a second or so', async (t) => {
  const { pace, most } = drive(7_500, 200); // 60 Mbit/s
  t.ok(most <= 1.5 * 1_250 * 7_500, `${most} bytes were on their way`);
  t.ok(pace.queueMs() < 2_000);
  t.ok(Math.abs(pace.bytesPerMs - 7_500) < 750, 'the rate is found');
});

t.test('a fat link may have as much on its way as a window holds', async (t) => {
  const { most } = drive(1_000_000, 500); // 1 GB/s
  t.ok(most > 256 * MiB);
});

t.test('a slow start is granted whatever the rate', async (t) => {
  const pace = new Pace();
  t.ok(pace.roomFor(MIN_IN_FLIGHT_BYTES));
  t.notOk(pace.roomFor(MIN_IN_FLIGHT_BYTES + 1));
  t.ok(pace.roomFor(MiB, MiB));
  t.notOk(pace.roomFor(MiB + 1, MiB), 'or less, as the caller has it');
  const departure = pace.depart(MiB, 0);
  pace.arrive(departure, MiB, 0, 10);
  t.equal(pace.inFlightBytes, 0, 'what failed is not on its way');
});
