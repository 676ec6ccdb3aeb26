/**
 * Reads of 4 KiB at random: warm, from the workers' memory, and cold, from the origin. Beside the warm ones a FUSE
 * mount that answers from memory and `rclone mount` with a warm cache; beside the cold ones plain GETs of a page.
 */
import { stat } from 'node:fs/promises';
import { run, undoing } from '@tidecache/test';
import { startCluster } from './lab/bench-cluster.js';
import { atMost, type Bench, type Figure, median } from './lab/figures.js';
import { type FioRun, randomReads } from './lab/fio.js';
import { mountNull } from './lab/null-mount.js';
import { rangedGets } from './lab/origin/ranged.js';
import { BUCKET, startOrigin } from './lab/origin/start.js';
import { mountRclone } from './lab/rclone.js';
import { residentFigure, watchResident } from './lab/resident.js';

const bench = 'random-read';
const WARM_BYTES = 512 << 20;
/** So large that hardly two reads meet in one page. */
const COLD_BYTES = 64 * 2 ** 30;
const PAGE_BYTES = 256 << 10;
const THREADS = 4;
const WARM_UP_MS = 300_000;

export const randomRead: Bench = {
  name: bench,
  description: 'fio, 4 KiB at random, warm and cold, beside the FUSE floor and rclone',
  method:
    'fio (psync, 4 threads, 4 KiB, pages of the file dropped before each run) through the mount. Warm: a file of\n' +
    '512 MiB that three workers hold; in turn the same on a FUSE mount that answers from memory, and on rclone mount\n' +
    'with the whole file in its cache in tmpfs. Cold: a generated object of 64 GiB, each read elsewhere, from an\n' +
    'origin whose first byte takes 20 ms and which counts what it sent; then as many plain GETs of a page of 256 KiB,\n' +
    '4 at once. Ratios are of one round, figures are medians.',
  run: ({ quick, say }) =>
    undoing(bench, async (scratch) => {
      const objects = [
        { key: 'warm', size: WARM_BYTES },
        { key: 'cold', size: COLD_BYTES },
      ];
      const origin = await startOrigin(scratch, { objects, latencyMs: 20 });
      const cluster = await startCluster(scratch, origin, { workers: 3, memory: '1GiB' });
      const mounted = await cluster.mount();
      const resident = watchResident(mounted.service.pid);
      const own = `${mounted.dir}/bench`;
      const rclone = await mountRclone(scratch, origin.endpoint, BUCKET);
      for (const dir of [own, rclone]) {
        await run('dd', [`if=${dir}/warm`, 'of=/dev/null', 'bs=1M'], { deadlineMs: WARM_UP_MS });
      }
      await stat(`${own}/cold`);
      const contenders = {
        tidecache: `${own}/warm`,
        'FUSE floor': await mountNull(scratch, WARM_BYTES),
        rclone: `${rclone}/warm`,
      };
      const warm: Record<string, FioRun[]> = {};
      for (let round = 0; round < (quick ? 3 : 7); round++) {
        for (const [name, path] of Object.entries(contenders)) {
          const job = { path, threads: THREADS, seconds: quick ? 2 : 4, seed: 1 + round };
          const one = await randomReads(job);
          warm[name] ??= [];
          warm[name].push(one);
          say(`${name}, warm: ${one.perSecond.toFixed(0)}/s, p99 ${one.p99Us.toFixed(0)} µs`);
        }
      }
      const reads = quick ? 100 : 500;
      await origin.takeStats();
      const cold = await randomReads({ path: `${own}/cold`, threads: THREADS, reads, seed: 7 });
      const originBytes = (await origin.takeStats()).bytesSent;
      const pages = { size: cold.reads * PAGE_BYTES, blockBytes: PAGE_BYTES, atOnce: THREADS };
      const gets = cold.reads / (await rangedGets(origin, 'cold', pages));
      say(`tidecache, cold: ${cold.perSecond.toFixed(0)}/s, plain GETs of a page: ${gets.toFixed(0)}/s`);
      const memory = residentFigure(bench, "mount's resident memory", resident());
      return [...warmFigures(warm), ...coldFigures(cold, originBytes, gets), memory];
    }),
};

function latencies(name: string, runs: readonly FioRun[]): Figure[] {
  const of = (value: (one: FioRun) => number) => median(runs.map(value));
  return [
    { bench, figure: `${name}: reads`, value: of((one) => one.perSecond), unit: '/s' },
    { bench, figure: `${name}: p50`, value: of((one) => one.p50Us), unit: 'µs' },
    { bench, figure: `${name}: p99`, value: of((one) => one.p99Us), unit: 'µs' },
    { bench, figure: `${name}: max`, value: of((one) => one.maxUs), unit: 'µs' },
  ];
}

function warmFigures(runs: Record<string, FioRun[]>): Figure[] {
  const ratio = (peer: string) =>
    median(runs.tidecache!.map((one, i) => one.perSecond / runs[peer]![i]!.perSecond));
  return [
    ...Object.entries(runs).flatMap(([name, taken]) => [
      ...latencies(`${name}, warm`, taken),
      {
        bench,
        figure: `${name}, warm: CPU, whole machine`,
        value: median(taken.map(({ cpuSeconds, reads }) => (cpuSeconds * 1e6) / reads)),
        unit: 'µs/read',
      },
    ]),
    { bench, figure: 'warm, of the floor', value: ratio('FUSE floor'), unit: '×', peer: 'FUSE floor' },
    { bench, figure: 'warm, over rclone', value: ratio('rclone'), unit: '×', peer: 'rclone' },
  ];
}

function coldFigures(cold: FioRun, originBytes: number, gets: number): Figure[] {
  const bytes = originBytes / cold.reads;
  const name = (figure: string) => ({ bench, figure: `cold: ${figure}` });
  return [
    ...latencies('tidecache, cold', [cold]),
    { ...name('origin bytes a read'), value: bytes, unit: 'bytes', ...atMost(bytes, PAGE_BYTES) },
    { ...name('of plain GETs of a page'), value: cold.perSecond / gets, unit: '×', peer: 'ranged GETs' },
  ];
}
