import { KiB, MiB } from '@tidecache/protocol';
import { t } from 'tap';
import { Arena, type Block, blockBytesFor, sharedSlab } from '../../src/memory/arena.js';
import { Chance, freshSeed } from '../doubles/random.js';

t.test('a block is at least as large as asked, less than twice', async (t) => {
  const arena = new Arena(8 * MiB);
  for (const bytes of [1, 4095, 4096, 4097, 60_000, MiB - 1, MiB]) {
    const block = arena.allocate(bytes);
    t.ok(
      block && block.bytes.length >= bytes && block.bytes.length < Math.max(2 * bytes, 8 * KiB),
      `${bytes}`,
    );
    t.equal(block?.bytes.length, blockBytesFor(bytes));
  }
  t.throws(() => arena.allocate(0));
  t.throws(() => arena.allocate(MiB + 1));
});

t.test('slabs that other threads can see, where that is asked for', async (t) => {
  const arena = new Arena(8 * MiB, sharedSlab);
  for (const bytes of [MiB, 4 * KiB]) t.type(arena.allocate(bytes)?.bytes.buffer, SharedArrayBuffer);
  t.type(new Arena(8 * MiB).allocate(MiB)?.bytes.buffer, ArrayBuffer);
});

t.test('small files share a slab', async (t) => {
  const arena = new Arena(8 * MiB);
  for (let i = 0; i < 256; i++) arena.allocate(4000);
  t.equal(arena.slabBytes, MiB);
});

t.test('the last one freed is the next one given: it is still in the CPU caches', async (t) => {
  const arena = new Arena(8 * MiB);
  const blocks = [arena.allocate(MiB)!, arena.allocate(MiB)!, arena.allocate(MiB)!];
  arena.free(blocks[1]!);
  t.equal(arena.allocate(MiB)?.bytes, blocks[1]?.bytes);
  t.equal(arena.slabBytes, 3 * MiB);
});

t.test(
  'whatever is taken and given back: no overlap, no byte over the budget, all of it comes back',
  async (t) => {
    const seed = freshSeed();
    t.comment(`seed ${seed}`);
    const chance = new Chance(seed);
    const arena = new Arena(8 * MiB);
    const out = new Set<Block>();
    const taken = new Uint8Array((8 * MiB) / 4096);
    const mark = (block: Block, value: number) => {
      const sectors = 2 ** block.order;
      for (let i = block.sector; i < block.sector + sectors; i++) {
        if (taken[i] === value) return false;
        taken[i] = value;
      }
      return true;
    };
    for (let i = 0; i < 50_000; i++) {
      if (out.size > 0 && chance.happens(0.49)) {
        const block = chance.pick([...out]);
        out.delete(block);
        if (!mark(block, 0)) return t.fail('given back twice');
        arena.free(block);
      } else {
        const block = arena.allocate(chance.happens(0.1) ? MiB : chance.between(1, 100_000));
        if (block && !mark(block, 1)) return t.fail('two blocks share a sector');
        if (block) out.add(block);
      }
      if (out.size > 200)
        for (const block of [...out].slice(0, 150)) {
          out.delete(block);
          mark(block, 0);
          arena.free(block);
        }
    }
    t.ok(arena.slabBytes <= 8 * MiB);
    for (const block of out) arena.free(block);
    t.equal(arena.usedBytes, 0);
    const whole = Array.from({ length: 8 }, () => arena.allocate(MiB));
    t.ok(
      whole.every((block) => block !== undefined),
      'the parts joined again',
    );
    t.equal(arena.allocate(1), undefined, 'and there is no more');
  },
);
