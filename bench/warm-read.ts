/**
 * Warm sequential read through the mount, the kernel's page cache cold: `dd bs=1M` of a file that the workers hold,
 * each way that a mount may have to do it. Beside it, in turn within each round: the floor of FUSE itself (bytes from
 * the serving process's memory, no network), and `rclone mount` with a warm cache in tmpfs.
 */
import { dirname } from 'node:path';
import { type Cluster, dropPageCache, type MountedDir, run, type Scratch, undoing } from '@tidecache/test';
import { startCluster } from './lab/bench-cluster.js';
import { measured, type Run } from './lab/cpu.js';
import { atLeast, atMost, type Bench, type Figure, median } from './lab/figures.js';
import { mountNull } from './lab/null-mount.js';
import { type BenchOrigin, BUCKET, startOrigin } from './lab/origin/start.js';
import { mountRclone } from './lab/rclone.js';
import { DEFAULT_READ_AHEAD_KIB, readAheadKiB, setReadAhead } from './lab/read-ahead.js';
import { residentFigure, watchResident } from './lab/resident.js';

const bench = 'warm-read';
const FILE_BYTES = 1 << 30;
const GB = FILE_BYTES / 1e9;
/** One run, however slow the machine. */
const READ_MS = 120_000;
const OWN = 'tidecache';
const TCP = `${OWN}, TCP`;
/** Mounts with so many, beside the one without. */
const IO_THREADS = [1, 2];
const withThreads = (n: number) => `${TCP}, ${n} I/O thread${n === 1 ? '' : 's'}`;
const FLOOR = 'FUSE floor';
const SMALL = '128 KiB requests';

interface Contender {
  readonly path: string;
  /** Left as it is without it. */
  readonly readAheadKiB?: number;
  /** Of the contender's CPU s/GB. */
  readonly goal?: number;
}

export const warmRead: Bench = {
  name: bench,
  description: 'sequential read of a warm 1 GiB file through the mount, beside the FUSE floor and rclone',
  method:
    'dd bs=1M of a 1 GiB file that three workers hold, its pages dropped from the kernel before each run. By default\n' +
    'the workers are reached over Unix sockets and the mount has raised the kernel’s read-ahead; the variants are\n' +
    'TCP alone, without and with I/O threads, and read_ahead_kb put back to 128, as it stays in containers, on\n' +
    'both. In turn: a FUSE mount of our own that answers zeros from memory (each read-ahead), and rclone mount with\n' +
    'the file in its cache in tmpfs, as it comes. Ratios are of one round, figures are medians; the first round does not count.',
  run: ({ quick, say }) =>
    undoing(bench, async (scratch) => {
      const origin = await startOrigin(scratch, { objects: [{ key: 'large', size: FILE_BYTES }] });
      const local = await (await warmCluster(scratch, origin, true)).mount();
      const resident = watchResident(local.service.pid);
      const distant = await warmCluster(scratch, origin, false);
      const [tcp, ...threaded] = await Promise.all(
        [0, ...IO_THREADS].map((n) => distant.mount('kernel', undefined, '--io-threads', `${n}`)),
      );
      const raised = await readAheadKiB(local.dir);
      say(`read-ahead of the mount: ${raised} KiB`);
      const floor = await mountNull(scratch, FILE_BYTES);
      const small = { readAheadKiB: DEFAULT_READ_AHEAD_KIB };
      const large = ({ dir }: MountedDir) => `${dir}/bench/large`;
      const [own, remote] = [large(local), large(tcp!)];
      const contenders: Record<string, Contender> = {
        [OWN]: { path: own, readAheadKiB: raised, goal: 0.8 },
        [TCP]: { path: remote, readAheadKiB: raised },
        ...Object.fromEntries(
          threaded.map((mount, i) => [
            withThreads(IO_THREADS[i]!),
            { path: large(mount), readAheadKiB: raised },
          ]),
        ),
        [FLOOR]: { path: floor, readAheadKiB: raised },
        rclone: { path: `${await mountRclone(scratch, origin.endpoint, BUCKET)}/large` },
        [`${OWN}, ${SMALL}`]: { path: own, ...small, goal: 1.3 },
        [`${TCP}, ${SMALL}`]: { path: remote, ...small },
        [`${FLOOR}, ${SMALL}`]: { path: floor, ...small },
      };
      const runs: Record<string, Run[]> = {};
      for (let round = 0; round <= (quick ? 3 : 9); round++) {
        for (const [name, contender] of Object.entries(contenders)) {
          const one = await readOnce(contender);
          if (round === 0) continue; // warms caches
          runs[name] ??= [];
          runs[name].push(one);
          say(`${name}: ${(GB / one.seconds).toFixed(2)} GB/s, ${(one.cpuSeconds / GB).toFixed(2)} CPU s/GB`);
        }
      }
      return [...figures(runs, contenders), residentFigure(bench, "mount's resident memory", resident())];
    }),
};

const warmCluster = (scratch: Scratch, origin: BenchOrigin, unixSockets: boolean): Promise<Cluster> =>
  startCluster(scratch, origin, { workers: 3, memory: '1GiB', unixSockets });

async function readOnce({ path, readAheadKiB: kib }: Contender): Promise<Run> {
  if (kib !== undefined) await setReadAhead(dirname(path), kib);
  await dropPageCache(path);
  const args = [`if=${path}`, 'of=/dev/null', 'bs=1M', 'status=none'];
  return measured(() => run('dd', args, { deadlineMs: READ_MS }));
}

function figures(runs: Record<string, Run[]>, contenders: Record<string, Contender>): Figure[] {
  /** Taken pair by pair within a round: the machine's speed drifts. */
  const paired = (name: string, peer: string, compare: (own: Run, other: Run) => number) =>
    median(runs[name]!.map((own, i) => compare(own, runs[peer]![i]!)));
  const ratio = (name: string, peer: string) =>
    paired(name, peer, (own, other) => other.seconds / own.seconds);
  const own = Object.entries(runs).flatMap(([name, taken]): Figure[] => {
    const cost = median(taken.map(({ cpuSeconds }) => cpuSeconds / GB));
    const { goal } = contenders[name]!;
    const speed = median(taken.map(({ seconds }) => GB / seconds));
    const cpu = { bench, figure: `${name}: CPU, whole machine`, value: cost, unit: 'CPU s/GB' };
    return [
      { bench, figure: `${name}: throughput`, value: speed, unit: 'GB/s' },
      { ...cpu, ...(goal === undefined ? {} : atMost(cost, goal)) },
    ];
  });
  const overRclone = ratio(OWN, 'rclone');
  const ofFloor = ratio(OWN, FLOOR);
  const smallOfFloor = ratio(`${OWN}, ${SMALL}`, `${FLOOR}, ${SMALL}`);
  const times = { bench, unit: '×' };
  const threaded = IO_THREADS.map((n): Figure => {
    const name = withThreads(n);
    const value = paired(name, TCP, (own, other) => own.cpuSeconds / other.cpuSeconds);
    return { ...times, figure: `${name}: CPU over one loop`, value, peer: TCP, ...atMost(value, 1.1) };
  });
  return [
    ...own,
    ...threaded,
    { ...times, figure: 'over rclone', value: overRclone, peer: 'rclone', ...atLeast(overRclone, 3) },
    { ...times, figure: 'of the FUSE floor', value: ofFloor, peer: FLOOR, ...atLeast(ofFloor, 0.5) },
    { ...times, figure: `${SMALL}: of the FUSE floor`, value: smallOfFloor, peer: FLOOR },
  ];
}
