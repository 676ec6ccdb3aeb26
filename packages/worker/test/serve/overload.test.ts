import { MiB, PAGE_BYTES, READ_AHEAD, READ_WHOLE_BLOCK } from '@tidecache/protocol';
import { t } from 'tap';
import { settle } from '../support/fake-origin.js';
import { bytesOf, fixture, sourceOf } from '../support/fixture.js';

const WHOLE = READ_WHOLE_BLOCK;
const files = (count: number, size = 4 * MiB) =>
  Array.from({ length: count }, (_, i) => sourceOf(`f${i}`, size));

t.test('more bytes in fills than may be: BUSY at once, nothing taken', async (t) => {
  const { ask, fake, store, counters, drain } = fixture({ limits: { fillingBytes: 8 * MiB } });
  const [a, b, c] = files(3);
  for (const source of [a!, b!]) t.notOk(ask(source, { offset: 0, length: 1, flags: WHOLE }).ended);
  const refused = ask(c!, { offset: 0, length: 1, flags: WHOLE });
  t.equal(refused.error?.code, 'BUSY', 'said in the same turn');
  t.equal(store.size, 2);
  t.equal(store.pool.usedBytes, 8 * MiB);
  t.equal(counters.busy, 1);
  await fake.reads[0]!.finish();
  t.equal(ask(c!, { offset: 0, length: 1, flags: WHOLE }).error, undefined, 'later there is room');
  t.equal(await drain(), 0);
});

t.test('more fills, or more requests, than may be: BUSY at once', async (t) => {
  const few = fixture({ limits: { fills: 2 } });
  const sources = files(4, MiB);
  for (const source of sources.slice(0, 2)) few.ask(source, { offset: 0, length: 1 });
  t.equal(few.ask(sources[2]!, { offset: 0, length: 1 }).error?.code, 'BUSY');
  t.equal(few.ask(sources[0]!, { offset: 0, length: 1 }).error, undefined, 'joining is no fill');
  t.equal(await few.drain(), 0);

  const { ask, drain } = fixture({ limits: { exchanges: 3 } });
  for (let i = 0; i < 3; i++) t.equal(ask(sources[0]!, { offset: 0, length: 1 }).error, undefined);
  t.equal(ask(sources[0]!, { offset: 0, length: 1 }).error?.code, 'BUSY');
  t.equal(await drain(), 0);
});

t.test('more bytes to send than may be: BUSY at once', async (t) => {
  const { ask, drain } = fixture({ auto: true, limits: { sendingBytes: 2 * MiB } });
  const [a] = files(1);
  ask(a!, { offset: 0, length: 1, flags: WHOLE });
  await settle();
  const held = [0, 1].map(() => ask(a!, { offset: 0, length: MiB, hold: true }));
  t.equal(ask(a!, { offset: 0, length: 1 }).error?.code, 'BUSY');
  for (const exchange of held) exchange.send();
  t.equal(ask(a!, { offset: 0, length: 1 }).error, undefined);
  t.equal(await drain(), 0);
});

t.test('memory full of what is being sent: BUSY at once; what is in memory is still served', async (t) => {
  const { ask, store, drain } = fixture({ auto: true });
  const sources = files(17);
  for (const source of sources.slice(0, 16)) {
    ask(source, { offset: 0, length: 1, flags: WHOLE });
    await settle();
  }
  const held = sources.slice(0, 16).map((source) => ask(source, { offset: 0, length: MiB, hold: true }));
  t.equal(store.pool.usedBytes, store.pool.capacityBytes);
  t.equal(ask(sources[16]!, { offset: 0, length: 1 }).error?.code, 'BUSY');
  t.match(ask(sources[3]!, { offset: 5, length: 6 }).bytes, bytesOf(sources[3]!, 5, 6));
  held[0]!.send();
  t.equal(ask(sources[16]!, { offset: 0, length: 1, flags: WHOLE }).error, undefined);
  for (const exchange of held) exchange.send();
  t.equal(await drain(), 0);
});

t.test('read-ahead is refused before demand is', async (t) => {
  const { ask, drain } = fixture({ limits: { fillingBytes: 16 * MiB } });
  const sources = files(6);
  const ahead = { offset: 0, length: 1, flags: WHOLE | READ_AHEAD };
  const demand = { offset: 0, length: 1, flags: WHOLE };
  t.equal(ask(sources[0]!, ahead).error, undefined);
  t.equal(ask(sources[1]!, ahead).error, undefined);
  t.equal(ask(sources[2]!, ahead).error?.code, 'BUSY');
  t.equal(ask(sources[2]!, demand).error, undefined);
  t.equal(ask(sources[3]!, demand).error, undefined);
  t.equal(ask(sources[4]!, demand).error?.code, 'BUSY');
  t.equal(await drain(), 0);
});

t.test('demand is fetched before read-ahead, and makes demand of what it joins', async (t) => {
  const { ask, fake, drain } = fixture({ limits: { runningFills: 1 } });
  const [running, ahead, joined, wanted] = files(4, MiB);
  ask(running!, { offset: 0, length: 1 });
  ask(ahead!, { offset: 0, length: 1, flags: READ_AHEAD });
  ask(joined!, { offset: 0, length: 1, flags: READ_AHEAD });
  ask(wanted!, { offset: 0, length: 1 });
  ask(joined!, { offset: 0, length: 1 });
  for (let i = 0; i < 4; i++) await fake.pending[0]!.finish();
  t.strictSame(
    fake.reads.map(({ key }) => key),
    [running, wanted, joined, ahead].map((source) => source!.key),
  );
  t.equal(await drain(), 0);
});

t.test('who has its pages on their way does not fail for want of room for the rest', async (t) => {
  const { ask, fake, drain } = fixture({ limits: { fillingBytes: 4 * MiB } });
  const [a] = files(1);
  ask(a!, { offset: 0, length: 1 });
  const whole = ask(a!, { offset: 0, length: 1, flags: WHOLE });
  t.equal(whole.error, undefined);
  t.equal(fake.bytes, PAGE_BYTES);
  await fake.reads[0]!.finish();
  t.ok(whole.ended);
  t.equal(await drain(), 0);
});
