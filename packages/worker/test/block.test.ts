import { decodeRead, encodeRead, type FileId, MiB, PAGE_BYTES } from '@tidecache/protocol';
import { t } from 'tap';
import { Block, blockKey, blockLength } from '../src/block.js';

const extentOf = (firstPage: number, bytes: number, arrivedBytes: number) => ({
  firstPage,
  bytes,
  arrivedBytes,
  unit: 0,
});

t.test('keys differ by every byte of the file id and the index', async (t) => {
  const a = 'abcdefghijklmno\xff' as FileId;
  t.equal(blockKey(a, 0).length, 20);
  const read = { fileId: a, blockIndex: 0xfedcba98, offset: 0, length: 1, flags: 0, lease: 0 };
  t.equal(decodeRead(encodeRead({ ...read, source: Buffer.alloc(0) })).blockName, blockKey(a, 0xfedcba98));
  t.not(blockKey(a, 1), blockKey(a, 256));
  t.not(blockKey(a, 1), blockKey(a, 65536));
  t.not(blockKey(a, 0xffffffff), blockKey(a, 0xfffffffe));
  t.not(blockKey(a, 1), blockKey('abcdefghijklmno\xfe' as FileId, 1));
});

t.test('the last block of a file is shorter', async (t) => {
  t.equal(blockLength(10 * MiB, 4 * MiB, 0), 4 * MiB);
  t.equal(blockLength(10 * MiB, 4 * MiB, 2), 2 * MiB);
  t.equal(blockLength(10 * MiB + 1, 4 * MiB, 2), 2 * MiB + 1);
  t.ok(blockLength(10 * MiB, 4 * MiB, 3) <= 0);
});

t.test('presence', async (t) => {
  const block = new Block('k', 5 * PAGE_BYTES + 100);
  t.strictSame(block.absentRuns(0, 6), [{ fromPage: 0, toPage: 6 }]);
  t.equal(block.presentEnd(0, block.bytes), 0);
  block.attach(extentOf(1, 2 * PAGE_BYTES, 2 * PAGE_BYTES));
  block.attach(extentOf(3, PAGE_BYTES, 4096));
  t.strictSame(block.absentRuns(0, 6), [
    { fromPage: 0, toPage: 1 },
    { fromPage: 4, toPage: 6 },
  ]);
  t.strictSame(block.absentRuns(1, 4), []);
  t.equal(
    block.presentEnd(PAGE_BYTES, block.bytes),
    3 * PAGE_BYTES + 4096,
    'over a boundary, up to what arrived',
  );
  t.equal(block.presentEnd(PAGE_BYTES + 5, PAGE_BYTES + 10), PAGE_BYTES + 10);
  t.equal(block.presentEnd(3 * PAGE_BYTES + 4096, block.bytes), 3 * PAGE_BYTES + 4096);
  block.attach(extentOf(4, PAGE_BYTES + 100, PAGE_BYTES + 100));
  t.equal(block.presentEnd(4 * PAGE_BYTES, block.bytes), block.bytes, 'up to the short end');
  t.strictSame(
    [...block.eachExtent()].map(({ firstPage }) => firstPage),
    [1, 3, 4],
  );
});
