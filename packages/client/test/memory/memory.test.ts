import { MiB } from '@tidecache/protocol';
import { t } from 'tap';
import type { Block } from '../../src/memory/arena.js';
import { Memory } from '../../src/memory/memory.js';
import { FakeClock, settle } from '../doubles/fake-clock.js';

const none = () => false;

t.test('there is room: no promise', async (t) => {
  const memory = new Memory(4 * MiB, new FakeClock(), none);
  const blocks = memory.take([MiB, 5000], 0) as Block[];
  t.equal(blocks.length, 2);
  t.equal(memory.usedBytes, MiB + 8192);
});

t.test('reads wait in order, and small ones do not overtake', async (t) => {
  const memory = new Memory(2 * MiB, new FakeClock(), none);
  const held = memory.take([MiB, MiB], 0) as Block[];
  const order: string[] = [];
  const large = Promise.resolve(memory.take([MiB, MiB], 60_000)).then(() => order.push('large'));
  const small = Promise.resolve(memory.take([4096], 60_000)).then(() => order.push('small'));
  memory.give(held[0]!);
  await settle();
  t.same(order, [], 'one block is not enough for the first');
  t.equal(memory.tryTake(4096), undefined, 'read-ahead does not take what a read waits for');
  memory.give(held[1]!);
  await large;
  t.same(order, ['large']);
  t.equal(memory.waiting, 1);
  memory.refuseAll(new Error('end') as never);
  await t.rejects(small);
});

t.test(
  'a read that waits too long is told, gives back what it had, and lets the next one go on',
  async (t) => {
    const clock = new FakeClock();
    const memory = new Memory(2 * MiB, clock, none);
    memory.take([MiB], 0);
    const first = Promise.resolve(memory.take([MiB, MiB], clock.now() + 100));
    const second = Promise.resolve(memory.take([MiB], clock.now() + 200));
    await t.rejects(clock.run(first), { code: 'TIMEOUT', message: /release their slices/ });
    t.equal((await clock.run(second)).length, 1);
    t.equal(clock.pending, 0);
    t.equal(memory.usedBytes, 2 * MiB);
  },
);

t.test('two reads of more than half the memory never wait for each other', async (t) => {
  const clock = new FakeClock();
  const memory = new Memory(4 * MiB, clock, none);
  const sizes = [MiB, MiB, MiB];
  const first = memory.take(sizes, 60_000) as Block[];
  const second = Promise.resolve(memory.take(sizes, 60_000));
  const third = Promise.resolve(memory.take(sizes, 60_000));
  for (const block of first) memory.give(block);
  for (const block of await second) memory.give(block);
  t.equal((await third).length, 3);
});

t.test('what nobody looks at is evicted for it', async (t) => {
  const idle: Block[] = [];
  const asked: boolean[] = [];
  const memory: Memory = new Memory(2 * MiB, new FakeClock(), (speculative) => {
    asked.push(speculative);
    const block = speculative ? undefined : idle.pop();
    if (block) memory.give(block);
    return block !== undefined;
  });
  idle.push(...(memory.take([MiB, MiB], 0) as Block[]));
  t.equal(memory.tryTake(MiB), undefined);
  t.equal((memory.take([MiB], 0) as Block[]).length, 1);
  t.same(asked, [true, false]);
});
