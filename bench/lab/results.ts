/** Results that are kept: one file of JSON lines a bench, beside the machine that they were taken on. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Figure, lineOf } from './figures.js';

const RESULTS = fileURLToPath(new URL('../../results/', import.meta.url));
/** What moves by less than this is noise, more likely than not. */
const NOTABLE = 0.1;

export function readResults(path: string): Figure[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as Figure);
}

/** The committed result of a bench; nothing when there is none. */
export function baselineOf(bench: string): Figure[] {
  const path = `${RESULTS}${bench}.jsonl`;
  return existsSync(path) ? readResults(path) : [];
}

/** Makes these the result to commit, with `files` of other extensions beside them. */
export function saveResults(
  bench: string,
  figures: readonly Figure[],
  files: ReadonlyMap<string, string> = new Map(),
): void {
  mkdirSync(RESULTS, { recursive: true });
  for (const [extension, text] of files) writeFileSync(`${RESULTS}${bench}.${extension}`, text);
  writeFileSync(`${RESULTS}${bench}.jsonl`, `${figures.map(lineOf).join('\n')}\n`);
  writeFileSync(`${RESULTS}machine.json`, `${JSON.stringify(machine(), null, 2)}\n`);
}

/** What moved by more than a tenth between two results, a line each. */
export function movedLines(before: readonly Figure[], after: readonly Figure[]): string[] {
  const old = new Map(before.map((figure) => [`${figure.bench}: ${figure.figure}`, figure.value]));
  return after.flatMap(({ bench, figure, value, unit }) => {
    const was = old.get(`${bench}: ${figure}`);
    if (was === undefined || was === 0 || Math.abs(value / was - 1) < NOTABLE) return [];
    const percent = Math.round((value / was - 1) * 100);
    const sign = percent > 0 ? '+' : '';
    return `${bench}: ${figure}: ${was.toPrecision(3)} → ${value.toPrecision(3)} ${unit} (${sign}${percent} %)`;
  });
}

function machine() {
  const rclone = execFileSync('rclone', ['version'], { encoding: 'utf8' }).split('\n', 1)[0];
  return {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    rclone,
    network: 'loopback',
  };
}
