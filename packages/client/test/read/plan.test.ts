import { t } from 'tap';
import { planRead } from '../../src/read/plan.js';
import { Chance, freshSeed } from '../doubles/random.js';

t.test('a range within one block is one piece', async (t) => {
  t.same(planRead(100, 50, 1_000, 400), [{ blockIndex: 0, offset: 100, length: 50, fileOffset: 100 }]);
});

t.test('a range over a border is cut there, and ends with the file', async (t) => {
  t.same(planRead(350, 500, 810, 400), [
    { blockIndex: 0, offset: 350, length: 50, fileOffset: 350 },
    { blockIndex: 1, offset: 0, length: 400, fileOffset: 400 },
    { blockIndex: 2, offset: 0, length: 10, fileOffset: 800 },
  ]);
});

t.test('nothing past the end, and nothing of no length', async (t) => {
  t.same(planRead(1_000, 5, 1_000, 400), []);
  t.same(planRead(2_000, 5, 1_000, 400), []);
  t.same(planRead(10, 0, 1_000, 400), []);
});

t.test('any plan covers its range once, in order, within blocks and file', async (t) => {
  const seed = freshSeed();
  t.comment(`seed ${seed}`);
  const chance = new Chance(seed);
  for (let i = 0; i < 5_000; i++) {
    const blockBytes = chance.between(1, 64) * 1024;
    const fileBytes = chance.between(0, 40 * blockBytes);
    const offset = chance.between(0, fileBytes + 10);
    const length = chance.between(0, 10 * blockBytes);
    const pieces = planRead(offset, length, fileBytes, blockBytes);
    let at = offset;
    for (const piece of pieces) {
      if (piece.fileOffset !== at || piece.length <= 0) return t.fail('a gap', { offset, length, piece });
      if (piece.blockIndex * blockBytes + piece.offset !== at)
        return t.fail('the wrong block', { expected: at, piece });
      if (piece.offset + piece.length > blockBytes) return t.fail('past its block', { piece });
      at += piece.length;
    }
    const end = Math.max(offset, Math.min(offset + length, fileBytes));
    if (at !== end) return t.fail('not all of it', { offset, length, fileBytes, blockBytes });
  }
  t.pass('5000 plans');
});
