import { MiB, TidecacheError } from '@tidecache/protocol';
import { t } from 'tap';
import { Arena } from '../../src/memory/arena.js';
import { Segment } from '../../src/memory/segment.js';
import { planRead } from '../../src/read/plan.js';

/** Bytes 1 MiB to 2 MiB of a file whose blocks are 768 KiB: pieces of 512 and 512 KiB. */
function segment(): Segment {
  const block = new Arena(MiB).allocate(MiB)!;
  return new Segment(MiB, 2 * MiB, block, planRead(MiB, MiB, 10 * MiB, 768 * 1024));
}

t.test('a range is there when every piece of it is', async (t) => {
  const arriving = segment();
  t.equal(arriving.pieces.length, 2);
  arriving.progress(0, 1_000);
  t.ok(arriving.has(MiB, MiB + 1_000));
  t.notOk(arriving.has(MiB, MiB + 1_001));
  arriving.progress(1, 5);
  const border = arriving.pieces[1]!.fileOffset;
  t.ok(arriving.has(border, border + 5));
  t.notOk(arriving.has(border - 1, border + 5), 'the end of the first piece is missing');
  arriving.progress(0, arriving.pieces[0]!.length);
  t.ok(arriving.has(border - 1, border + 5));
  t.notOk(arriving.has(0, 10), 'another part of the file');
});

t.test('who waits is told as soon as its own range is there', async (t) => {
  const arriving = segment();
  const told: string[] = [];
  arriving.wait(MiB, MiB + 100, () => told.push('first'));
  arriving.wait(MiB, 2 * MiB, (error) => told.push(error ? error.code : 'second'));
  arriving.progress(0, 99);
  t.same(told, []);
  arriving.progress(0, 100);
  t.same(told, ['first']);
  arriving.fail(new TidecacheError('TIMEOUT', 'late'));
  t.same(told, ['first', 'TIMEOUT']);
  arriving.complete();
  t.equal(arriving.state, 'failed', 'what has failed stays so');
});

t.test('a reader that comes back at once while it is told does not confuse the others', async (t) => {
  const arriving = segment();
  const told: number[] = [];
  arriving.wait(MiB, MiB + 1, () => {
    told.push(1);
    arriving.wait(MiB, MiB + 2, () => told.push(3));
  });
  arriving.wait(MiB, MiB + 1, () => told.push(2));
  arriving.progress(0, 1);
  t.same(told, [1, 2]);
  arriving.complete();
  t.same(told, [1, 2, 3]);
});

t.test('the bytes are a view of the block', async (t) => {
  const whole = segment();
  t.equal(whole.parts(MiB, 2 * MiB)[0], whole.block!.bytes);
  whole.block!.bytes[7] = 42;
  t.equal(whole.parts(MiB + 7, MiB + 8)[0]![0], 42);
});
