import { TidecacheError } from '@tidecache/protocol';
import { t } from 'tap';
import { Gate } from '../../src/origins/gate.js';
import { FakeClock, settle } from '../doubles/fake-clock.js';

t.test('so many at once, the others in order, within their time', async (t) => {
  const clock = new FakeClock();
  const gate = new Gate({ clock, slots: 2, maxWaiters: 2, what: 'reads' });
  await gate.enter(10_000);
  t.ok(gate.tryEnter(2));
  t.notOk(gate.tryEnter(2));
  const entered: string[] = [];
  const late = gate.enter(clock.now() + 100).then(() => entered.push('late'));
  const next = gate.enter(clock.now() + 5_000).then(() => entered.push('next'));
  await t.rejects(gate.enter(10_000), { code: 'BUSY' });
  await t.rejects(clock.run(late), { code: 'TIMEOUT' });
  gate.leave();
  await next;
  t.same(entered, ['next']);
  t.equal(gate.inside, 2);
  t.equal(clock.pending, 0);
});

t.test('who may fill only some slots leaves the others, and goes after those that wait', async (t) => {
  const clock = new FakeClock();
  const gate = new Gate({ clock, slots: 2, maxWaiters: 2, what: 'reads' });
  t.ok(gate.tryEnter(1));
  t.notOk(gate.tryEnter(1));
  await gate.enter(10_000);
  const waits = gate.enter(10_000);
  gate.refuseAll(new TidecacheError('CANCELLED', 'end'));
  await t.rejects(waits, { code: 'CANCELLED' });
  await settle();
  gate.leave();
  gate.leave();
  t.equal(gate.inside, 0);
});
