import { crc32 } from 'node:zlib';
import { t } from 'tap';
import { combineSectors, crc32Combine, crc32OfFew } from '../src/crc.js';
import { SECTOR_BYTES } from '../src/limits.js';
import { seeded } from './support/random.js';

const seed = Date.now() >>> 0;
t.comment(`seed ${seed}`);
const random = seeded(seed);
const bytes = Buffer.alloc(1024 * SECTOR_BYTES);
for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE(Math.floor(random() * 2 ** 32), i);

t.test('few bytes, as zlib', async (t) => {
  for (let i = 0; i < 300; i++) {
    const from = Math.floor(random() * 1000);
    const to = from + Math.floor(random() * 100);
    if (crc32OfFew(bytes, from, to) !== crc32(bytes.subarray(from, to))) t.fail(`${from} to ${to}`);
  }
});

t.test('two parts of any length, as zlib', async (t) => {
  for (let i = 0; i < 300; i++) {
    const end = Math.floor(random() * (i < 100 ? 50 : bytes.length));
    const cut = Math.floor(random() * (end + 1));
    const [a, b] = [bytes.subarray(0, cut), bytes.subarray(cut, end)];
    const combined = crc32Combine(crc32(a), crc32(b), b.length);
    if (combined !== crc32(bytes.subarray(0, end))) t.fail(`${cut} of ${end}`);
  }
  t.equal(crc32Combine(0x12345678, 0, 0), 0x12345678, 'nothing behind');
  t.equal(crc32Combine(0, 0xdeadbeef, 5), 0xdeadbeef, 'nothing in front');
});

t.test('lengths past 32 bits', async (t) => {
  // Associativity holds for the lengths too: (A B) C = A (B C), with B of 5 GB and C of 3 bytes.
  const [a, b, c] = [0x01234567, 0x89abcdef, 0x0badcafe];
  const bytesB = 5_000_000_000;
  const left = crc32Combine(crc32Combine(a, b, bytesB), c, 3);
  t.equal(left, crc32Combine(a, crc32Combine(b, c, 3), bytesB + 3));
});

t.test('sectors, the last one whole or short', async (t) => {
  const crcs = new Uint32Array(1024);
  for (let i = 0; i < 1024; i++) crcs[i] = crc32(bytes.subarray(i * SECTOR_BYTES, (i + 1) * SECTOR_BYTES));
  t.equal(combineSectors(crcs, 5, 0, 0), 0);
  for (const [first, count] of [
    [0, 1],
    [3, 2],
    [0, 64],
    [17, 256],
    [0, 1024],
  ] as const) {
    const from = first * SECTOR_BYTES;
    t.equal(
      combineSectors(crcs, first, count, SECTOR_BYTES),
      crc32(bytes.subarray(from, from + count * SECTOR_BYTES)),
      `${count} sectors from ${first}`,
    );
    for (const lastBytes of [1, 7, 4095]) {
      const own = Uint32Array.from(crcs);
      const last = first + count - 1;
      own[last] = crc32(bytes.subarray(last * SECTOR_BYTES, last * SECTOR_BYTES + lastBytes));
      const wanted = crc32(bytes.subarray(from, last * SECTOR_BYTES + lastBytes));
      t.equal(combineSectors(own, first, count, lastBytes), wanted, `the last of ${lastBytes} bytes`);
    }
  }
});
