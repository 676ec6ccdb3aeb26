/**
 * Files of 23 KB in random order, one thread, the kernel's caches dropped: what a data set of samples is read like.
 * The workers hold the bytes; `rclone mount`, beside it, has them in a cache in tmpfs.
 */
import { undoing } from '@tidecache/test';
import { startCluster } from './lab/bench-cluster.js';
import { atLeast, type Bench, type Figure, median } from './lab/figures.js';
import { BUCKET, startOrigin } from './lab/origin/start.js';
import { mountRclone } from './lab/rclone.js';
import { dropKernelCaches, walk } from './lab/walking.js';

const FILE_BYTES = 23 << 10;
const bench = 'small-files';
type Walked = Awaited<ReturnType<typeof walk>>;

export const smallFiles: Bench = {
  name: bench,
  description: 'files of 23 KB in random order, one thread, warm workers, kernel caches dropped',
  method:
    'One thread opens, reads and closes every file of one directory in random order, another order each round.\n' +
    'The first pass fills the workers (and rclone its cache in tmpfs), and both must give the same bytes. Before each\n' +
    "further pass the kernel's pages, names and inodes are dropped. tidecache and rclone take turns; ratios are of\n" +
    'one round, figures are medians. rclone keeps names in its own memory for an hour.',
  run: ({ quick, say }) =>
    undoing(bench, async (scratch) => {
      const shape = { dirs: 0, files: quick ? 2_000 : 10_000 };
      const origin = await startOrigin(scratch, { objects: [{ prefix: 's/', ...shape, size: FILE_BYTES }] });
      const cluster = await startCluster(scratch, origin, { workers: 3, memory: '512MiB' });
      const contenders = {
        tidecache: `${(await cluster.mount()).dir}/bench/s`,
        rclone: `${await mountRclone(scratch, origin.endpoint, BUCKET)}/s`,
      };
      const cold: Record<string, Walked> = {};
      for (const [name, dir] of Object.entries(contenders)) {
        cold[name] = await walk('read', dir, shape, 1);
        say(`${name}, cold: ${rate(cold[name]).toFixed(0)} files/s`);
      }
      if (cold.tidecache!.checksum !== cold.rclone!.checksum)
        throw new Error('the bytes differ from rclone’s');
      const runs: Record<string, Walked[]> = { tidecache: [], rclone: [] };
      for (let round = 0; round < (quick ? 3 : 7); round++) {
        for (const [name, dir] of Object.entries(contenders)) {
          await dropKernelCaches();
          const one = await walk('read', dir, shape, 2 + round);
          runs[name]!.push(one);
          say(`${name}: ${rate(one).toFixed(0)} files/s, p99 ${one.p99Us.toFixed(0)} µs`);
        }
      }
      return figures(cold, runs);
    }),
};

const rate = ({ files, seconds }: Walked) => files / seconds;

function figures(cold: Record<string, Walked>, runs: Record<string, Walked[]>): Figure[] {
  const of = (name: string, value: (one: Walked) => number) => median(runs[name]!.map(value));
  const perSecond = of('tidecache', rate);
  const overRclone = median(runs.tidecache!.map((one, i) => rate(one) / rate(runs.rclone![i]!)));
  const own = Object.keys(runs).flatMap((name): Figure[] => [
    { bench, figure: `${name}: cold`, value: rate(cold[name]!), unit: 'files/s' },
    {
      ...{ bench, figure: `${name}: warm`, value: of(name, rate), unit: 'files/s' },
      ...(name === 'tidecache' ? atLeast(perSecond, 3000) : {}),
    },
    { bench, figure: `${name}: p50`, value: of(name, (one) => one.p50Us), unit: 'µs' },
    { bench, figure: `${name}: p99`, value: of(name, (one) => one.p99Us), unit: 'µs' },
    { bench, figure: `${name}: max`, value: of(name, (one) => one.maxUs), unit: 'µs' },
    {
      bench,
      figure: `${name}: CPU, whole machine`,
      value: of(name, (one) => (one.cpuSeconds * 1e6) / one.files),
      unit: 'µs/file',
    },
  ]);
  const over = { bench, figure: 'warm over rclone', value: overRclone, unit: '×', peer: 'rclone' };
  return [...own, { ...over, ...atLeast(overRclone, 3) }];
}
