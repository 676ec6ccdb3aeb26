/**
 * Arithmetic for placement. Master, workers and clients must agree on every bit whatever engine they run, so only
 * operations that ECMAScript defines exactly are used: 32-bit integers, and + − × ÷ of IEEE 754 doubles. Math.log is
 * not one of them: its last bits are the engine's own.
 */

/** A bijection of 32-bit integers in which every bit moves every other: MurmurHash3's fmix32 (Appleby). */
export function spread(value: number): number {
  let h = value ^ (value >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

const TABLE_BITS = 10;
const TABLE_SIZE = 1 << TABLE_BITS;
/** log2(1 + i ⁄ 1024). */
const LOG2 = new Float64Array(TABLE_SIZE + 1);
for (let i = 0; i <= TABLE_SIZE; i++) LOG2[i] = log2OfMantissa(1 + i / TABLE_SIZE);

/** 1024 ⁄ 2^(31 − lead) by the count of leading zeros: powers of two, so multiplying by one is exact. */
const SCALE = Float64Array.from({ length: 32 }, (_, lead) => TABLE_SIZE / 2 ** (31 - lead));

/**
 * −log2((u + ½) ⁄ 2³²) for a 32-bit unsigned `u`: more than 0, falling as `u` grows. Between the table's points it is a
 * straight line, off by less than 2e-7.
 */
export function negativeLog2(u: number): number {
  if (u === 0) return 33;
  const lead = Math.clz32(u);
  const mantissa = (u + 0.5) * SCALE[lead]! - TABLE_SIZE;
  const i = mantissa | 0;
  const low = LOG2[i]!;
  return lead + 1 - (low + (LOG2[i + 1]! - low) * (mantissa - i));
}

/** log2 of a number in [1, 2], bit by bit: squaring doubles the logarithm (Knuth, TAOCP 1.2.2, exercise 25). */
function log2OfMantissa(x: number): number {
  if (x === 2) return 1;
  let value = x;
  let log = 0;
  for (let bit = 0.5; bit > 2 ** -50; bit /= 2) {
    value *= value;
    if (value >= 2) {
      value /= 2;
      log += bit;
    }
  }
  return log;
}
