import { MiB, READ_WHOLE_BLOCK } from '@tidecache/protocol';
import { t } from 'tap';
import { Scrub } from '../src/scrub.js';
import { settle } from './support/fake-origin.js';
import { fixture, sourceOf } from './support/fixture.js';

t.test('finds what changed in memory, a bounded number of bytes at a time', async (t) => {
  const { ask, store, reads, counters, drain } = fixture({ auto: true });
  for (let i = 0; i < 4; i++)
    ask(sourceOf(`f${i}`, 4 * MiB), { offset: 0, length: 1, flags: READ_WHOLE_BLOCK });
  await settle();
  const scrub = new Scrub(store, (block) => reads.quarantine(block));
  t.equal(scrub.step(8 * MiB), 8 * MiB);
  t.equal(scrub.step(100 * MiB), 8 * MiB, 'to the end');
  t.equal(scrub.step(100 * MiB), 16 * MiB, 'then from the start');
  t.equal(counters.corrupt, 0);

  const [, , third] = [...store.blocks()];
  store.pool.view(third!.extents[0]!.unit, 0, 4 * MiB)[3 * MiB]! ^= 1;
  t.equal(scrub.step(8 * MiB), 8 * MiB);
  t.equal(counters.corrupt, 0, 'not there yet');
  scrub.step(8 * MiB);
  t.equal(counters.corrupt, 1);
  t.equal(store.get(third!.key), undefined);
  t.equal(store.pool.usedBytes, 12 * MiB);
  t.equal(await drain(), 0);
});

t.test('what one step verifies too much is missing in the next ones', async (t) => {
  const { ask, store, reads, drain } = fixture({ auto: true });
  for (const key of ['a', 'b'])
    ask(sourceOf(key, 4 * MiB), { offset: 0, length: 1, flags: READ_WHOLE_BLOCK });
  await settle();
  const scrub = new Scrub(store, (block) => reads.quarantine(block));
  const steps = Array.from({ length: 6 }, () => scrub.step(MiB) / MiB);
  t.same(steps, [4, 0, 0, 0, 4, 0]);
  t.equal(await drain(), 0);
});

t.test('looks at what has arrived only, and steps over what is evicted meanwhile', async (t) => {
  const { ask, fake, store, reads, drain } = fixture();
  ask(sourceOf('a', 4 * MiB), { offset: 0, length: MiB, flags: READ_WHOLE_BLOCK });
  ask(sourceOf('b', MiB), { offset: 0, length: MiB });
  fake.reads[0]!.arrive(MiB);
  await fake.reads[1]!.finish();
  const scrub = new Scrub(store, (block) => reads.quarantine(block));
  t.equal(scrub.step(MiB), MiB);
  for (const block of [...store.blocks()]) if (block.pins === 0) store.drop(block);
  t.equal(scrub.step(MiB), 0);
  t.equal(await drain(), 0);
});
