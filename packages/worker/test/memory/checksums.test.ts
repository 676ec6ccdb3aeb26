import { crc32 } from 'node:zlib';
import { MiB, SECTOR_BYTES } from '@tidecache/protocol';
import { t } from 'tap';
import { Checksums } from '../../src/memory/checksums.js';
import { Pool } from '../../src/memory/pool.js';
import { writeContent } from '../support/content.js';
import { seeded } from '../support/random.js';

function pieceOf(bytes: number) {
  const pool = new Pool(64 * MiB);
  const checksums = new Checksums(pool);
  const piece = { unit: pool.allocate(bytes), bytes };
  writeContent('piece', 0, pool.view(piece.unit, 0, bytes));
  checksums.record(piece, 0, bytes);
  return { pool, checksums, piece };
}

t.test('the checksum of any range is that of its bytes', async (t) => {
  const random = seeded();
  for (const bytes of [1, 4095, 4096, 4097, 23_000, 300_000, MiB]) {
    const { pool, checksums, piece } = pieceOf(bytes);
    const ranges: [number, number][] = [[0, bytes]];
    for (let i = 0; i < 200; i++) {
      const from = random.below(bytes);
      ranges.push([from, from + 1 + random.below(bytes - from)]);
      const sector = from - (from % SECTOR_BYTES);
      ranges.push([sector, bytes], [sector, Math.min(bytes, sector + SECTOR_BYTES * (1 + random.below(8)))]);
    }
    for (const [from, to] of ranges) {
      const expected = crc32(pool.view(piece.unit, from, to));
      if (checksums.of(piece, from, to) !== expected) t.fail(`${from}..${to} of ${bytes}`);
    }
    t.pass(`${ranges.length} ranges of ${bytes} bytes`);
  }
});

t.test('a bit that flips after the arrival is seen, whole sector or cut', async (t) => {
  const { pool, checksums, piece } = pieceOf(100_000);
  const at = 5 * SECTOR_BYTES + 17;
  const bytes = pool.view(piece.unit, 0, piece.bytes);
  bytes[at]! ^= 4;
  t.not(checksums.of(piece, 0, 100_000), crc32(bytes), 'the client sees it');
  t.equal(checksums.firstDifference(piece, 0, 100_000), 5 * SECTOR_BYTES);
  t.throws(
    () => checksums.of(piece, at + 100, at + 200),
    { code: 'CORRUPT' },
    'in a sector cut in the middle',
  );
  t.doesNotThrow(() => checksums.of(piece, 10, 20), 'elsewhere all is well');
});
