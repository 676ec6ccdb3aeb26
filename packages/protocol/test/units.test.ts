import { t } from 'tap';
import { formatSize, parseDuration, parseSize } from '../src/units.js';

for (const [text, bytes] of [
  ['0', 0],
  ['4096', 4096],
  ['64MiB', 64 * 2 ** 20],
  ['64mib', 64 * 2 ** 20],
  [' 1.5 GiB ', 1.5 * 2 ** 30],
  ['2TiB', 2 ** 41],
  ['10B', 10],
  ['3KiB', 3072],
  ['500MB', 500e6],
  ['1.25GB', 1.25e9],
  ['7kB', 7000],
  ['1TB', 1e12],
] as const) {
  t.equal(parseSize(text), bytes, text);
}
for (const text of [
  '',
  'MiB',
  '-1',
  '1.2.3MiB',
  '64M',
  '64 Mib/s',
  '1e9',
  '0x10',
  'NaN',
  '９',
  '99999999TiB',
  'toString',
]) {
  t.throws(() => parseSize(text), { code: 'INVALID', message: /cannot read ".*write a size as 64MiB/ }, text);
}
for (const [text, ms] of [
  ['250ms', 250],
  ['30s', 30_000],
  ['5m', 300_000],
  ['1.5h', 5_400_000],
  ['7d', 604_800_000],
  ['0s', 0],
] as const) {
  t.equal(parseDuration(text), ms, text);
}
for (const text of ['', '30', '30 sec', '-5s', '1h30m', 's', 'constructor']) {
  t.throws(() => parseDuration(text), { code: 'INVALID', message: /write a duration as 250ms/ }, text);
}
for (const [bytes, text] of [
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1 KiB'],
  [1536, '1.5 KiB'],
  [2 ** 20 - 1, '1 MiB'],
  [64 * 2 ** 20, '64 MiB'],
  [1.25 * 2 ** 30, '1.3 GiB'],
  [2 ** 50, '1 PiB'],
] as const) {
  t.equal(formatSize(bytes), text);
}
