import type { Entry, InodeRecord } from '@tidecache/protocol';
import { t } from 'tap';
import { MAX_LISTED_FILES, SMALL_FILE_BYTES } from '../../src/limits.js';
import { SmallFiles } from '../../src/read/small-files.js';

const file = (ino: number, change: Partial<InodeRecord> = {}): Entry => {
  const inode: InodeRecord = { ino, kind: 'file', size: 10, mtimeMs: 0, mode: 0o444, ...change };
  return { name: `f${ino}`, inode, validMs: 1 };
};
const files = (...inos: number[]) => inos.map((ino) => file(ino));

/** The inode numbers from the place on. */
function rest(small: SmallFiles): number[] {
  const inos: number[] = [];
  for (; small.current; small.step()) inos.push(small.current.ino);
  return inos;
}

t.test('from the middle to the end, and from the start to the middle', async (t) => {
  const small = SmallFiles.after('f2', 0);
  t.equal(small.next, 'f2');
  small.add({ validMs: 1, entries: files(3, 4), next: 'f4' });
  t.same([rest(small), small.next, small.isDone], [[3, 4], 'f4', false]);
  small.add({ validMs: 1, entries: files(5) });
  t.same([rest(small), small.next], [[5], '']);
  small.add({ validMs: 1, entries: files(1, 2), next: 'f2' });
  t.same([rest(small), small.next], [[1, 2], 'f2']);
  t.notOk(small.isWhole);
  small.add({ validMs: 1, entries: files(3, 4), next: 'f4' });
  t.same([rest(small), small.next, small.isWhole, small.isDone], [[], undefined, true, true]);
});

t.test('a directory that is listed from its start', async (t) => {
  const small = SmallFiles.after('', 0);
  small.add({ validMs: 1, entries: [] });
  small.add({ validMs: 1, entries: [] });
  t.ok(small.isDone);
});

t.test('only files that are read whole', async (t) => {
  const small = SmallFiles.after('', 0);
  small.add({
    validMs: 1,
    entries: [
      file(1, { size: 0 }),
      file(2, { size: SMALL_FILE_BYTES }),
      file(3, { size: SMALL_FILE_BYTES + 1 }),
      file(4, { kind: 'directory' }),
    ],
  });
  t.same(rest(small), [2]);
});

t.test('back to what was passed over, and never ahead', async (t) => {
  const small = SmallFiles.after('', 0);
  small.add({ validMs: 1, entries: files(1, 2, 3) });
  const first = small.current!;
  small.step();
  const second = small.current!;
  small.backTo(first);
  small.backTo(second);
  t.equal(small.current, first);
  t.same(rest(small), [1, 2, 3]);
});

t.test('again, from behind any file', async (t) => {
  const small = SmallFiles.after('', 7);
  small.add({ validMs: 1, entries: files(1, 2, 3, 4) });
  small.add({ validMs: 1, entries: files(1) });
  const again = small.after(3);
  t.same([again.listedMs, again.isWhole, rest(again)], [7, true, [4, 1, 2, 3]]);
  t.same(rest(small.after(99)), [1, 2, 3, 4], 'of a file that is not in it');
});

t.test('a directory of too many files: those that were passed are forgotten', async (t) => {
  const small = SmallFiles.after('', 0);
  const page = (from: number) => Array.from({ length: 2048 }, (_, i) => file(from + i));
  let ino = 1;
  for (; small.count <= MAX_LISTED_FILES; ino += 2048) {
    small.add({ validMs: 1, entries: page(ino), next: 'more' });
    rest(small);
  }
  small.add({ validMs: 1, entries: page(ino) });
  t.equal(small.count, 2048);
  t.same(rest(small).at(0), ino);
  t.notOk(small.isWhole);
});
