import { DEFAULT_BLOCK_BYTES, KiB, READ_WHOLE_BLOCK } from '@tidecache/protocol';
import { t } from 'tap';
import { HEAT_WINDOW_MS, HOT_MS, HOT_READERS } from '../../src/limits.js';
import { settle } from '../support/fake-origin.js';
import { type Ask, fixture, sourceOf } from '../support/fixture.js';

const SOURCE = sourceOf('f', 8 * DEFAULT_BLOCK_BYTES);
const BEGIN: Ask = { offset: 0, length: 64 * KiB, flags: READ_WHOLE_BLOCK };

async function warm() {
  const state = { now: 1_000_000 };
  const worker = fixture({ auto: true, now: () => state.now });
  worker.ask(SOURCE, { ...BEGIN, reader: 'the first' });
  await settle();
  return { ...worker, state };
}

t.test('many readers that begin a block close together are told, from the last of them on', async (t) => {
  const { ask, state, drain } = await warm();
  const told = () => ask(SOURCE, { ...BEGIN, offset: 64 * KiB, reader: 'the first' }).hot;
  for (let i = 2; i < HOT_READERS; i++) t.notOk(ask(SOURCE, { ...BEGIN, reader: `reader ${i}` }).hot);
  t.notOk(told());
  t.ok(ask(SOURCE, { ...BEGIN, reader: 'the last' }).hot);
  t.ok(told(), 'so is who began before');
  t.notOk(
    ask(SOURCE, { ...BEGIN, block: 1, reader: 'another' }).hot,
    'other blocks have readers of their own',
  );
  state.now += HOT_MS;
  t.notOk(told(), 'it cools');
  t.equal(await drain(), 0);
});

t.test('one that reads over and over is no crowd, nor are many one after another', async (t) => {
  const { ask, state, drain } = await warm();
  for (let i = 0; i < 3 * HOT_READERS; i++) t.notOk(ask(SOURCE, { ...BEGIN, reader: 'the first' }).hot);
  for (let i = 0; i < 3 * HOT_READERS; i++) {
    state.now += HEAT_WINDOW_MS / 2;
    t.notOk(ask(SOURCE, { ...BEGIN, reader: `reader ${i}` }).hot);
  }
  t.equal(await drain(), 0);
});

t.test('look-ups are no readers in step', async (t) => {
  const { ask, drain } = await warm();
  for (let i = 0; i < 3 * HOT_READERS; i++) {
    t.notOk(ask(SOURCE, { ...BEGIN, flags: 0, reader: `reader ${i}` }).hot);
  }
  t.equal(await drain(), 0);
});
