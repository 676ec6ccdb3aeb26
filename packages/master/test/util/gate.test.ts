import { t } from 'tap';
import { Gate } from '../../src/util/gate.js';

t.test('so many at once, the next in their order, the rest refused', async (t) => {
  const gate = new Gate(2, 2);
  const ends: (() => void)[] = [];
  const began: string[] = [];
  const run = (name: string) =>
    gate.through(() => {
      began.push(name);
      return new Promise<string>((resolve) => ends.push(() => resolve(name)));
    });
  const all = [run('a'), run('b'), run('c'), run('d')];
  await t.rejects(run('e'), { code: 'BUSY' });
  t.same(began, ['a', 'b']);
  for (let i = 0; i < 4; i++) {
    ends[i]?.();
    await all[i];
    t.ok(gate.running <= 2);
  }
  t.same(began, ['a', 'b', 'c', 'd']);
  t.equal(gate.running, 0);
});

t.test('a run that fails gives its place back', async (t) => {
  const gate = new Gate(1, 1);
  await t.rejects(
    gate.through(() => Promise.reject(new Error('no'))),
    { message: 'no' },
  );
  t.equal(await gate.through(() => Promise.resolve(5)), 5);
});
