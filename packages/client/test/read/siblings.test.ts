import {
  type Entry,
  fileIdOf,
  type InodeRecord,
  inodeId,
  type NotLent,
  type Source,
  workerId,
} from '@tidecache/protocol';
import { t } from 'tap';
import {
  LENT_PER_READ,
  LISTING_VALID_MS,
  MAX_SIBLING_BATCH,
  MIN_LENT_FILES,
  MIN_SIBLING_READS,
  SIBLING_PAUSE_MS,
  SIBLINGS_SHARE,
} from '../../src/limits.js';
import { type Lender, Siblings } from '../../src/read/siblings.js';
import { FakeClock } from '../doubles/fake-clock.js';
import { loanOf } from '../doubles/loan.js';

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

interface Shape {
  readonly bufferBytes?: number;
  readonly size?: number;
  /** Whether a file is lent by a worker on this host; undefined: no such worker would be asked for it. */
  /** Lent at once. */
  readonly most?: number;
  readonly lends?: (i: number) => true | NotLent | undefined;
}

/** A directory of `files` files, and what was fetched and borrowed of it, in order. */
function setUp(files: number, shape: Shape = {}) {
  const {
    bufferBytes = 64 << 20,
    size = SIZE,
    most = Number.POSITIVE_INFINITY,
    lends = () => undefined,
  } = shape;
  const clock = new FakeClock();
  const fetched: number[] = [];
  const borrowed: number[] = [];
  const listed: string[] = [];
  const out = new Set<number>();
  const all = Array.from({ length: files }, (_, i) => record(i, size));
  const indexOf = new Map(all.map((file, i) => [fileIdOf(file as Source), i]));
  const nameOf = ({ key = '' }: InodeRecord) => key.slice(2);
  const broken = new Set<number>();
  const failing = { now: false };
  const looked = { bytes: 0 };
  const lender: Lender = {
    id: workerId('w'),
    async borrow(wanted) {
      if (failing.now) throw new Error('gone');
      return wanted.map(({ fileId }) => {
        const i = indexOf.get(fileId)!;
        const answer = out.size >= most ? 'later' : lends(i);
        if (answer !== true) return answer || 'absent';
        borrowed.push(i);
        out.add(i);
        return loanOf(
          () => (broken.has(i) ? undefined : new Uint8Array(size).fill(i)),
          () => out.delete(i),
        );
      });
    },
  };
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
    lenderOf: (fileId) => (lends(indexOf.get(fileId)!) === undefined ? undefined : lender),
    onLent: (_worker, bytes) => {
      looked.bytes += bytes;
    },
    fetch: ({ ino }) => {
      fetched.push(ino - 100);
      return true;
    },
  });
  /** Reads one file and lets a listing arrive; whether it was lent. */
  const read = async (i: number) => {
    const slices = siblings.take(inodeId(100 + i), 0, 1 << 20);
    if (slices) {
      t.equal(slices.bytes, size);
      t.equal(slices.parts[0]![0], i & 0xff);
      slices.release();
    } else siblings.read(DIRECTORY, all[i]!);
    await new Promise((resolve) => setImmediate(resolve));
    return slices !== undefined;
  };
  return { siblings, clock, fetched, borrowed, listed, out, broken, failing, looked, read };
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
  const { fetched, read } = setUp(1000, { bufferBytes });
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
    const { fetched, read } = setUp(100, { size });
    for (let i = 0; i < 40; i++) await read(i);
    t.same(fetched, []);
  }
});

t.test('what is lent is borrowed far ahead, and given back when it was read', async (t) => {
  const { fetched, borrowed, out, looked, read } = setUp(1000, { lends: () => true });
  let hits = 0;
  for (let i = 0; i < 1000; i++) if (await read((i * 617) % 1000)) hits++;
  t.equal(looked.bytes, hits * SIZE);
  t.ok(hits > 900, `${hits} of 1000`);
  t.equal(new Set(borrowed).size, borrowed.length, 'none twice');
  t.same(fetched, []);
  t.equal(out.size, 0);
});

t.test('in parts, in any order: given back after the last', async (t) => {
  const { siblings, borrowed, out, read } = setUp(100, { lends: () => true });
  for (let i = 0; i < MIN_SIBLING_READS; i++) await read(i);
  const ino = inodeId(100 + borrowed[0]!);
  const last = siblings.take(ino, 20_000, 4096)!;
  t.equal(last.bytes, SIZE - 20_000);
  const past = siblings.take(ino, SIZE, 4096)!;
  t.equal(past.bytes, 0);
  past.release();
  last.release();
  last.release();
  const first = siblings.take(ino, 0, 20_000)!;
  t.ok(out.has(borrowed[0]!));
  first.release();
  t.notOk(out.has(borrowed[0]!));
  t.equal(siblings.take(ino, 0, 1), undefined);
});

t.test('what is refused is fetched, in order', async (t) => {
  const { fetched, borrowed, read } = setUp(1000, { lends: (i) => i >= 500 || 'absent' });
  for (let i = 0; i < 400; i++) {
    if (i >= MIN_SIBLING_READS) t.ok(fetched.includes(i), `${i}`);
    await read(i);
  }
  t.same(
    fetched,
    [...fetched].sort((a, b) => a - b),
  );
  t.ok(borrowed.every((i) => i >= 500));
});

t.test('some have to be fetched: both windows hold', async (t) => {
  const { fetched, borrowed, read } = setUp(5000, { lends: (i) => (i % 2 === 0 ? true : undefined) });
  for (let i = 0; i < 300; i++) {
    await read((i * 1237) % 5000);
    t.ok(fetched.length <= 2 * (i + 1) && borrowed.length <= (i + 1) * (1 + LENT_PER_READ));
  }
  t.ok(fetched.length > 150 && borrowed.length > 150, `${fetched.length} fetched, ${borrowed.length} lent`);
});

t.test('a worker that is gone: read as ever', async (t) => {
  const { borrowed, broken, out, read } = setUp(100, { lends: () => true });
  for (let i = 0; i < MIN_SIBLING_READS; i++) await read(i);
  const [gone] = borrowed;
  broken.add(gone!);
  t.equal(await read(gone!), false);
  t.notOk(out.has(gone!));
});

t.test('after a pause, and at the end, all is given back', async (t) => {
  const { siblings, clock, borrowed, out, read } = setUp(1000, { lends: () => true });
  for (let i = 0; i < MIN_SIBLING_READS; i++) await read(i);
  const held = siblings.take(inodeId(100 + borrowed[0]!), 0, 10)!;
  await clock.pass(SIBLING_PAUSE_MS + 1);
  t.same([...out], [borrowed[0]], 'but for what somebody looks at');
  held.release();
  t.equal(out.size, 0);
  for (let i = 0; i < MIN_SIBLING_READS; i++) await read(300 + i);
  t.ok(out.size > 0);
  siblings.clear();
  t.equal(out.size, 0);
  t.equal(clock.pending, 0);
});

t.test('read through again: the listing is known, from any file on', async (t) => {
  const { siblings, clock, listed, read } = setUp(1000, { lends: () => true });
  const pass = async (from: number) => {
    let hits = 0;
    for (let i = 0; i < 1000; i++) if (await read((from + i) % 1000)) hits++;
    t.ok(hits > 900, `${hits} of 1000`);
    await clock.pass(SIBLING_PAUSE_MS + 1);
    return listed.splice(0).length;
  };
  t.ok((await pass(0)) >= 1000 / PAGE);
  t.equal(await pass(700), 0);
  t.equal(await pass(300), 0);
  siblings.changed(DIRECTORY);
  t.ok((await pass(0)) >= 1000 / PAGE, 'its names changed');
  await clock.pass(LISTING_VALID_MS);
  t.ok((await pass(0)) >= 1000 / PAGE, 'it was too old');
});

t.test('a worker that lends some at a time is asked again when they were read', async (t) => {
  const most = 2 * MIN_LENT_FILES;
  const { fetched, out, read } = setUp(2000, { lends: () => true, most });
  let hits = 0;
  for (let i = 0; i < 2000; i++) {
    if (await read(i)) hits++;
    t.ok(out.size <= most);
  }
  t.ok(hits > 1900, `${hits} of 2000`);
  t.same(fetched, []);
});

t.test('one that lends next to nothing is not waited for', async (t) => {
  const { fetched, read } = setUp(1000, { lends: () => true, most: 10 });
  for (let i = 0; i < 1000; i++) await read(i);
  t.ok(fetched.length > 900, `${fetched.length} of 1000`);
});

t.test('what a worker that fails would have lent is fetched', async (t) => {
  const { fetched, out, failing, read } = setUp(1000, { lends: () => true });
  failing.now = true;
  for (let i = 0; i < 500; i++) await read(i);
  t.ok(fetched.length > 450, `${fetched.length} of 500`);
  t.equal(out.size, 0);
});

t.test('another pass begins without a pause', async (t) => {
  const { listed, read } = setUp(1000, { lends: () => true });
  for (let i = 0; i < 1000; i++) await read(i);
  listed.splice(0);
  let hits = 0;
  for (let i = 0; i < 1000; i++) if (await read((i * 617) % 1000)) hits++;
  t.ok(hits > 900, `${hits} of 1000`);
  t.same(listed, []);
});
