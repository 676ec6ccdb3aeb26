/** A crowd before a block: who knows of no spread yet is told of it, rather than made to wait. */
import {
  DEFAULT_BLOCK_BYTES,
  MiB,
  READ_AHEAD,
  READ_REFERABLE,
  READ_SPREAD,
  READ_WHOLE_BLOCK,
} from '@tidecache/protocol';
import { t } from 'tap';
import { HOT_READERS, TURNS } from '../../src/limits.js';
import { FakeConnection } from '../support/fake-exchange.js';
import { settle } from '../support/fake-origin.js';
import { type Ask, fixture, sourceOf } from '../support/fixture.js';

const SOURCE = sourceOf('f', 8 * DEFAULT_BLOCK_BYTES);
const BEGIN: Ask = { offset: 0, length: MiB, flags: READ_WHOLE_BLOCK | READ_REFERABLE, hold: true };

async function warm() {
  const worker = fixture({ auto: true, now: () => 1_000 });
  const first = worker.ask(SOURCE, { ...BEGIN, reader: 'the first' });
  await settle();
  first.send();
  let readers = 0;
  const ask = (more: Partial<Ask> = {}) =>
    worker.ask(SOURCE, { ...BEGIN, reader: `reader ${++readers}`, ...more });
  /** Everybody takes what is sent to them, until nobody waits. */
  const take = (exchanges: ReturnType<typeof ask>[]) => {
    for (let i = 0; i < exchanges.length; i++) for (const exchange of exchanges) exchange.send();
  };
  return { ...worker, ask, take };
}

t.test('as many as wait for a turn are served; who comes after them is referred', async (t) => {
  const { ask, take, drain } = await warm();
  const served = Array.from({ length: 2 * TURNS }, () => ask());
  t.ok(2 * TURNS > HOT_READERS);
  t.notOk(served.some(({ referred }) => referred));
  const late = ask();
  t.ok(late.referred);
  t.ok(ask({ offset: MiB, flags: BEGIN.flags! | READ_AHEAD }).referred, 'also in the middle of the block');
  served.push(ask({ offset: MiB, block: 1 }));
  t.notOk(served.at(-1)!.referred, 'a block that nobody begins is not hot');
  await settle();
  take(served);
  for (const exchange of served) t.equal(exchange.bytes.length, MiB);
  const last = ask();
  t.notOk(last.referred, 'the crowd has gone');
  last.send();
  t.equal(await drain(), 0);
});

t.test(
  'who did not ask for it is not referred: nor by the spread, nor who looks at this memory',
  async (t) => {
    const { ask, reads, take, drain } = await warm();
    const crowd = Array.from({ length: 2 * TURNS }, () => ask());
    const connection = new FakeConnection('on this host');
    reads.leases.admit(connection);
    const others = [
      ask({ flags: READ_WHOLE_BLOCK }),
      ask({ flags: READ_WHOLE_BLOCK | READ_SPREAD }),
      ask({ connection, lease: 5 }),
    ];
    t.notOk(others.some(({ referred }) => referred));
    t.ok(others[2]!.mapped);
    take([...crowd, ...others.slice(0, 2)]);
    for (const exchange of others.slice(0, 2)) t.equal(exchange.bytes.length, MiB);
    connection.destroy();
    t.equal(await drain(), 0);
  },
);

t.test('those who wait for the origin are a crowd too', async (t) => {
  const { ask, fake, drain } = await warm();
  fake.auto = false;
  const waiting = Array.from({ length: TURNS }, () => ask({ block: 2 }));
  t.ok(ask({ block: 2 }).referred);
  for (const exchange of waiting) exchange.abandon();
  t.equal(await drain(), 0);
});
