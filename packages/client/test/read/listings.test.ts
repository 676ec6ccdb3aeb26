import { type InodeRecord, inodeId } from '@tidecache/protocol';
import { t } from 'tap';
import { LISTING_VALID_MS, MAX_LISTED_FILES } from '../../src/limits.js';
import { Listings } from '../../src/read/listings.js';
import { SmallFiles } from '../../src/read/small-files.js';
import { FakeClock } from '../doubles/fake-clock.js';

const [A, B, C] = [inodeId(1), inodeId(2), inodeId(3)];

function listed(count: number, now: number): SmallFiles {
  const files = SmallFiles.after('', now);
  const inode = (ino: number): InodeRecord => ({ ino, kind: 'file', size: 1, mtimeMs: 0, mode: 0o444 });
  files.add({
    validMs: 1,
    entries: Array.from({ length: count }, (_, i) => ({ name: `${i}`, inode: inode(i + 1), validMs: 1 })),
  });
  files.add({ validMs: 1, entries: [] });
  return files;
}

t.test('given away once, and not when it is too old', async (t) => {
  const clock = new FakeClock();
  const listings = new Listings(clock);
  const files = listed(3, clock.now());
  t.ok(files.isWhole);
  listings.keep(A, files);
  t.equal(listings.take(A), files);
  t.equal(listings.take(A), undefined);
  listings.keep(A, files);
  await clock.pass(LISTING_VALID_MS);
  t.equal(listings.take(A), undefined);
});

t.test('one that is not whole is not kept', async (t) => {
  const clock = new FakeClock();
  const listings = new Listings(clock);
  listings.keep(A, SmallFiles.after('m', clock.now()));
  t.equal(listings.take(A), undefined);
});

t.test('the oldest goes when there are too many files', async (t) => {
  const clock = new FakeClock();
  const listings = new Listings(clock);
  const half = Math.floor(MAX_LISTED_FILES / 2);
  for (const ino of [A, B, C]) listings.keep(ino, listed(half, clock.now()));
  t.equal(listings.take(A), undefined);
  t.equal(listings.take(B)?.count, half);
  t.equal(listings.take(C)?.count, half);
  listings.keep(A, listed(1, clock.now()));
  listings.clear();
  t.equal(listings.take(A), undefined);
});
