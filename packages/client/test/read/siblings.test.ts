import { type Entry, type InodeRecord, inodeId } from '@tidecache/protocol';
import { t } from 'tap';
import { MAX_SIBLING_BATCH, MIN_SIBLING_READS, SIBLING_PAUSE_MS, SIBLINGS_SHARE } from '../../src/limits.js';
import { Siblings } from '../../src/read/siblings.js';
import { FakeClock } from '../doubles/fake-clock.js';

const DIRECTORY = inodeId(1);
const PAGE = 100;
const SIZE = 23_000;

const record = (i: number, size = SIZE): InodeRecord => ({
  ino: 100 + i,
  kind: 'file',
  size,
  mtimeMs: 0,
  mode: 0o444,
  key: `d/f${String(i).padStart(5, '0')}`,
});

/** A directory of `files` files, and what was fetched of it, in order. */
function setUp(files: number, bufferBytes = 64 << 20, size = SIZE) {
  const clock = new FakeClock();
  const fetched: number[] = [];
  const listed: string[] = [];
  const all = Array.from({ length: files }, (_, i) => record(i, size));
  const nameOf = ({ key = '' }: InodeRecord) => key.slice(2);
  const siblings = new Siblings({
    clock,
    bufferBytes,
    async list(_directory, after) {
      listed.push(after);
      const from = all.findIndex((file) => nameOf(file) > after);
      const page = from < 0 ? [] : all.slice(from, from + PAGE);
      const entries = page.map((inode): Entry => ({ name: nameOf(inode), inode, validMs: 1000 }));
      const more = from >= 0 && from + PAGE < all.length;
      return { entries, ...(more && { next: nameOf(page.at(-1)!) }), validMs: 1000 };
    },
    fetch: ({ ino }) => {
      fetched.push(ino - 100);
      return true;
    },
  });
  /** Reads one file and lets a listing arrive. */
  const read = async (i: number) => {
    siblings.read(DIRECTORY, all[i]!);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, fetched, listed, read };
}

t.test('nothing is fetched for a few', async (t) => {
  const { fetched, listed, read } = setUp(1000);
  for (let i = 0; i < MIN_SIBLING_READS - 1; i++) await read(i);
  t.same([fetched, listed], [[], []]);
});

t.test('in order: each is there before it is read, from where the reader is', async (t) => {
  const { fetched, listed, read } = setUp(1000);
  for (let i = 500; i < 1000; i++) {
    if (i >= 500 + MIN_SIBLING_READS) t.ok(fetched.includes(i), `${i}`);
    await read(i);
  }
  t.equal(listed[0], `f${String(500 + MIN_SIBLING_READS - 1).padStart(5, '0')}`);
  t.same(
    fetched.filter((i) => i < 1000 && i >= 500),
    Array.from({ length: 500 - MIN_SIBLING_READS }, (_, i) => 500 + MIN_SIBLING_READS + i),
    'each once, in order',
  );
});

t.test('in any order: none twice, none that was read, all in the end', async (t) => {
  const { fetched, read } = setUp(1000);
  const read0 = new Set<number>();
  let hits = 0;
  for (let i = 0; i < 1000; i++) {
    const file = (i * 617) % 1000;
    if (fetched.includes(file)) hits++;
    const before = fetched.length;
    await read(file);
    read0.add(file);
    for (const one of fetched.slice(before)) t.notOk(read0.has(one), `${one} was read already`);
  }
  t.equal(new Set(fetched).size, fetched.length);
  t.ok(hits > 500, `${hits} of 1000 were there before they were read`);
});

t.test('no more than as many again, in batches', async (t) => {
  const { fetched, read } = setUp(5000);
  for (let i = 0; i < 400; i++) {
    const before = fetched.length;
    await read((i * 1237) % 5000);
    t.ok(fetched.length <= 2 * (i + 1) && fetched.length - before <= MAX_SIBLING_BATCH * 2);
  }
});

t.test('no more than the memory may hold', async (t) => {
  const bufferBytes = 8 << 20;
  const { fetched, read } = setUp(1000, bufferBytes);
  let ahead = 0;
  for (let i = 0; i < 500; i++) {
    await read(999 - i);
    ahead = fetched.length - fetched.filter((one) => one >= 999 - i).length;
    t.ok(ahead * 32_768 <= bufferBytes * SIBLINGS_SHARE);
  }
  t.ok(ahead > 100);
});

t.test('a pause ends it', async (t) => {
  const { clock, fetched, read } = setUp(1000);
  for (let i = 0; i < MIN_SIBLING_READS; i++) await read(i);
  const before = fetched.length;
  t.ok(before > 0);
  await clock.run(clock.sleep(SIBLING_PAUSE_MS + 1));
  for (let i = 0; i < MIN_SIBLING_READS - 1; i++) await read(300 + i);
  t.equal(fetched.length, before);
});

t.test('neither large nor empty files', async (t) => {
  for (const size of [0, 65 << 10]) {
    const { fetched, read } = setUp(100, 64 << 20, size);
    for (let i = 0; i < 40; i++) await read(i);
    t.same(fetched, []);
  }
});
