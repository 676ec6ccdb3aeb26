/** Sizes and durations as people write them. */
import { TidecacheError } from './errors.js';

const SIZE_UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  tb: 1000 ** 4,
};

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `64MiB` → bytes; a plain number is bytes. Throws INVALID, naming the text and the forms that are taken. */
export function parseSize(text: string): number {
  const forms =
    'write a size as 64MiB, 1.5GiB, 500MB or a number of bytes (B, KiB, MiB, GiB, TiB, KB, MB, GB, TB)';
  return parse(text, SIZE_UNITS, 1, forms);
}

/** `30s` → milliseconds. Throws INVALID likewise. */
export function parseDuration(text: string): number {
  return parse(text, DURATION_UNITS, undefined, 'write a duration as 250ms, 30s, 5m, 1.5h or 7d');
}

function parse(
  text: string,
  units: Readonly<Record<string, number>>,
  plainUnit: number | undefined,
  forms: string,
): number {
  const match = /^(\d{1,16}(?:\.\d{1,9})?)\s*([a-z]*)$/i.exec(text.trim());
  const name = match?.[2]?.toLowerCase() ?? '';
  const unit = name === '' ? plainUnit : Object.hasOwn(units, name) ? units[name] : undefined;
  const value = match && unit !== undefined ? Math.round(Number(match[1]) * unit) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new TidecacheError('INVALID', `cannot read ${JSON.stringify(text.slice(0, 64))}: ${forms}`);
}

const SIZE_NAMES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** Bytes → `1.5 GiB`: at most one decimal, none when it is 0. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 1023.95 would be written as 1024.0.
  while (Math.abs(value) >= 1023.95 && unit < SIZE_NAMES.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 ? String(Math.round(value)) : value.toFixed(1).replace(/\.0$/, '');
  return `${digits} ${SIZE_NAMES[unit]}`;
}
