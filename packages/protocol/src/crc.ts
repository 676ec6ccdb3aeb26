/**
 * CRC-32 of joined parts from the CRCs of the parts, so that checksums kept per sector give the checksum of a payload
 * without reading it again. A CRC is a polynomial over GF(2) modulo P; appending n zero bytes multiplies it by x^8n.
 * Method: Mark Adler, zlib's crc32_combine (crc32.c, 1.2.12 and later). Bit 31 is the coefficient of x^0.
 */
import { SECTOR_BYTES } from './limits.js';

const POLYNOMIAL = 0xedb88320;
const ONE = 0x80000000;

/** a × b modulo P. */
function multiply(a: number, b: number): number {
  let product = 0;
  let factor = b;
  for (let bit = 31; bit >= 0; bit--) {
    if ((a >>> bit) & 1) product ^= factor;
    factor = factor & 1 ? (factor >>> 1) ^ POLYNOMIAL : factor >>> 1;
  }
  return product >>> 0;
}

/** x^(8·2^k) by k: bytes of a length up to 2^53. */
const POWERS: number[] = [0x00800000]; // x^8
for (let k = 1; k < 53; k++) POWERS.push(multiply(POWERS[k - 1]!, POWERS[k - 1]!));

/** x^(8·bytes): what appending that many zero bytes multiplies by. */
function shiftOf(bytes: number): number {
  let shift = ONE;
  let rest = bytes;
  for (let k = 0; rest > 0; k++) {
    if (rest % 2 === 1) shift = multiply(POWERS[k]!, shift);
    rest = Math.floor(rest / 2);
  }
  return shift;
}

/** Multiplying by a fixed factor is linear, so four look-ups, one for each byte, do it. */
function tableOf(factor: number): Int32Array {
  const table = new Int32Array(1024);
  for (let byte = 0; byte < 4; byte++) {
    for (let value = 0; value < 256; value++) {
      table[byte * 256 + value] = multiply((value << (8 * byte)) >>> 0, factor);
    }
  }
  return table;
}

const SECTOR_TABLE = tableOf(shiftOf(SECTOR_BYTES));
const BYTE_TABLE = tableOf(POWERS[0]!).subarray(0, 256);

/** CRC-32 of `bytes` between `from` and `to`, when they are some dozens: cheaper than a view and a call into zlib. */
export function crc32OfFew(bytes: Uint8Array, from: number, to: number): number {
  let crc = -1;
  for (let i = from; i < to; i++) crc = BYTE_TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** CRC-32 of A followed by B, from the CRCs of both and B's length in bytes. */
export function crc32Combine(crcA: number, crcB: number, bytesB: number): number {
  return (multiply(shiftOf(bytesB), crcA >>> 0) ^ crcB) >>> 0;
}

/**
 * CRC-32 of `count` sectors joined, from their CRCs `crcs[first]` onwards. All are {@link SECTOR_BYTES} long but the
 * last, of `lastBytes`. No sectors have the CRC of nothing, 0.
 */
export function combineSectors(crcs: Uint32Array, first: number, count: number, lastBytes: number): number {
  if (count === 0) return 0;
  const end = first + count - 1;
  let crc = crcs[first]! | 0;
  for (let i = first + 1; i < end; i++) crc = shiftSector(crc) ^ crcs[i]!;
  if (count === 1) return crc >>> 0;
  if (lastBytes === SECTOR_BYTES) return (shiftSector(crc) ^ crcs[end]!) >>> 0;
  return crc32Combine(crc, crcs[end]!, lastBytes);
}

function shiftSector(crc: number): number {
  return (
    SECTOR_TABLE[crc & 0xff]! ^
    SECTOR_TABLE[256 + ((crc >>> 8) & 0xff)]! ^
    SECTOR_TABLE[512 + ((crc >>> 16) & 0xff)]! ^
    SECTOR_TABLE[768 + (crc >>> 24)]!
  );
}
