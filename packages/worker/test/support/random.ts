import { t } from 'tap';

/** Seeded numbers (mulberry32); the seed is printed, and taken from SEED to replay a failure. */
export function seeded(): { next(): number; below(limit: number): number; chance(p: number): boolean } {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  t.comment(`SEED=${seed}`);
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, below: (limit) => Math.floor(next() * limit), chance: (p) => next() < p };
}
