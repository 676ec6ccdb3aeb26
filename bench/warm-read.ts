/**
 * Warm sequential read through the mount, the kernel's page cache cold: `dd bs=1M` of a file that the workers hold.
 * Beside it, in turn within each round: the floor of FUSE itself (bytes from the serving process's memory, no
 * network), and `rclone mount` with a warm cache in tmpfs.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Cluster, dropPageCache, generated, Scratch, startS3 } from '@tidecache/test';
import { measured, type Run } from './lab/cpu.js';
import { atLeast, atMost, type Bench, type Figure, median } from './lab/figures.js';
import { mountNull } from './lab/null-mount.js';
import { mountRclone } from './lab/rclone.js';

const run = promisify(execFile);
const FILE_BYTES = 1 << 30;
const GB = FILE_BYTES / 1e9;

export const warmRead: Bench = {
  name: 'warm-read',
  description: 'sequential read of a warm 1 GiB file through the mount, beside the FUSE floor and rclone',
  async run({ quick, say }) {
    const scratch = new Scratch('bench-warm-read');
    try {
      const s3 = await startS3(scratch, ['bench']);
      say('loading 1 GiB');
      await s3.put('s3://bench', 'large', generated('warm-read', FILE_BYTES));
      const cluster = await Cluster.start(scratch, { workers: 3, memory: '1GiB' });
      await cluster.addDataset('/bench', 's3://bench', '--metadata', 'once', ...s3.flags);
      const contenders = {
        tidecache: `${(await cluster.mount()).dir}/bench/large`,
        'FUSE floor': await mountNull(scratch, FILE_BYTES),
        rclone: `${await mountRclone(scratch, s3.options.endpoint!, 'bench')}/large`,
      };
      const runs: Record<string, Run[]> = {};
      const rounds = quick ? 3 : 9;
      for (let round = 0; round <= rounds; round++) {
        for (const [name, path] of Object.entries(contenders)) {
          await dropPageCache(path);
          const one = await measured(() => run('dd', [`if=${path}`, 'of=/dev/null', 'bs=1M', 'status=none']));
          if (round === 0) continue; // warms caches
          runs[name] ??= [];
          runs[name].push(one);
          say(`${name}: ${(GB / one.seconds).toFixed(2)} GB/s, ${(one.cpuSeconds / GB).toFixed(2)} CPU s/GB`);
        }
      }
      return figures(runs);
    } finally {
      await scratch.clean();
    }
  },
};

function figures(runs: Record<string, Run[]>): Figure[] {
  const speed = (name: string) => median(runs[name]!.map(({ seconds }) => GB / seconds));
  const cost = (name: string) => median(runs[name]!.map(({ cpuSeconds }) => cpuSeconds / GB));
  /** Taken pair by pair within a round: the machine's speed drifts. */
  const ratio = (peer: string) =>
    median(runs.tidecache!.map(({ seconds }, i) => runs[peer]![i]!.seconds / seconds));
  const bench = 'warm-read';
  const own: Figure[] = ['tidecache', 'FUSE floor', 'rclone'].flatMap((name) => [
    { bench, figure: `${name}: throughput`, value: speed(name), unit: 'GB/s' },
    {
      ...{ bench, figure: `${name}: CPU, whole machine`, value: cost(name), unit: 'CPU s/GB' },
      ...(name === 'tidecache' ? atMost(cost(name), 1.0) : {}),
    },
  ]);
  const overRclone = ratio('rclone');
  const ofFloor = ratio('FUSE floor');
  return [
    ...own,
    {
      bench,
      figure: 'throughput over rclone',
      value: overRclone,
      unit: '×',
      peer: 'rclone',
      ...atLeast(overRclone, 2),
    },
    { bench, figure: 'throughput of the FUSE floor', value: ofFloor, unit: '×', peer: 'FUSE floor' },
  ];
}
