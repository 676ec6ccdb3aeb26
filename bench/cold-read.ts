/**
 * Cold sequential read: `dd bs=1M` of files that nobody holds yet. Beside it, in turn, the same bytes by plain ranged
 * GETs of the block size, as many at once as the workers had, and `rclone mount`.
 */
import { stat } from 'node:fs/promises';
import { run, type Scratch, undoing } from '@tidecache/test';
import { startCluster } from './lab/bench-cluster.js';
import { measured } from './lab/cpu.js';
import { atLeast, atMost, type Bench, type Figure, median } from './lab/figures.js';
import { rangedGets } from './lab/origin/ranged.js';
import { type BenchOrigin, BUCKET, startOrigin } from './lab/origin/start.js';
import { mountRclone } from './lab/rclone.js';
import { residentFigure, watchResident } from './lab/resident.js';
import { dropKernelCaches } from './lab/walking.js';

const bench = 'cold-read';
const BLOCK_BYTES = 4 << 20;
const WORKERS = 3;
/**
 * Less than what is read before the rounds that count: all of it was used before, and goes on to be used again. No less:
 * an eighth of it is for read-ahead under way, and that must be no limit to what one file keeps under way.
 */
const STEADY_MEMORY_BYTES = 512 << 20;
const WARM_UP_BYTES = WORKERS * STEADY_MEMORY_BYTES * 1.5;
/** Room for all that is read. */
const FRESH_MEMORY = '1GiB';
const FRESH_WARM_UP_BYTES = 128 << 20;
/** One connection's speed is all that rclone has: a part of the file shows it. */
const RCLONE_SHARE = 1 / 4;
/** One file, however slow the machine. */
const READ_MS = 300_000;

/** Object storage as it is: a first byte after 20 ms, and 50 MB/s a connection. And one that is never waited for. */
const ORIGINS = {
  'object storage (20 ms, 50 MB/s a connection)': { latencyMs: 20, connectionBytesPerSecond: 50e6 },
  'unlimited origin': {},
};

export const coldRead: Bench = {
  name: bench,
  description:
    'sequential read of files that no worker holds, beside plain ranged GETs of the same concurrency',
  method:
    'Each round reads a file that was never read, dd bs=1M through the mount; its name is looked up before. Memory\n' +
    'is in its steady state: the three workers hold 512 MiB each and have been read through before, and the kernel’s\n' +
    'caches are dropped, so that pages are used again. Memory that a virtual machine touches for the first time\n' +
    'costs it another 1.4 CPU s/GB in the workers and as much in the page cache: that case, workers of 1 GiB that\n' +
    'have just started, is a figure of its own. In each round the origin counts how many GETs it had at once, and a\n' +
    'Node program then fetches the same object by ranged GETs of 4 MiB (undici dispatch, bytes counted and dropped)\n' +
    'with that many at once; then rclone mount reads a quarter of it. Two origins: one that answers after 20 ms with\n' +
    '50 MB/s on each connection, and one as fast as this machine, where the CPU is the limit and the GETs have only one of four hops to pay. Ratios are of one round.',
  run: ({ quick, say }) =>
    undoing(bench, async (scratch) => {
      const figures: Figure[] = [];
      for (const [name, speed] of Object.entries(ORIGINS)) {
        figures.push(...(await measureOrigin(scratch, name, speed, quick, say)));
      }
      return figures;
    }),
};

interface Round {
  readonly own: number;
  readonly cpuSeconds: number;
  readonly gets: number;
  /** The start of their process included. */
  readonly getsCpuSeconds: number;
  readonly rclone: number;
  readonly atOnce: number;
  readonly originBytes: number;
}

async function measureOrigin(
  scratch: Scratch,
  name: string,
  speed: object,
  quick: boolean,
  say: (line: string) => void,
): Promise<Figure[]> {
  const size = (quick ? 384 : 1024) << 20;
  const steady = Array.from({ length: quick ? 3 : 7 }, (_, i) => `c${i}`);
  const fresh = Array.from({ length: 2 }, (_, i) => `f${i}`);
  const objects = [
    ...[...steady, ...fresh].map((key) => ({ key, size })),
    { key: 'warm-up', size: WARM_UP_BYTES },
    { key: 'small-warm-up', size: FRESH_WARM_UP_BYTES },
  ];
  const origin = await startOrigin(scratch, { objects, ...speed });
  const rclone = await mountRclone(scratch, origin.endpoint, BUCKET);
  const tell = (what: string, { own, gets, rclone, atOnce, cpuSeconds }: Round) => {
    const gb = size / 1e9;
    const others = `plain GETs ${(gb / gets).toFixed(2)}, rclone ${(gb / rclone).toFixed(2)}`;
    say(
      `${name}, ${what}: ${(gb / own).toFixed(2)} GB/s with ${atOnce} GETs at once, ${others}; ` +
        `${(cpuSeconds / gb).toFixed(2)} CPU s/GB`,
    );
  };
  const rounds = async (keys: readonly string[], memory: string, warmUp: string, what: string) => {
    const cluster = await startCluster(scratch, origin, { workers: WORKERS, memory });
    const mounted = await cluster.mount();
    const resident = watchResident(mounted.service.pid);
    await readThrough(`${mounted.dir}/bench/${warmUp}`);
    const taken: Round[] = [];
    for (const key of keys) {
      taken.push(await measureFile(origin, `${mounted.dir}/bench/${key}`, `${rclone}/${key}`, key, size));
      tell(what, taken.at(-1)!);
    }
    const residentBytes = resident();
    await mounted.unmount();
    return { taken, residentBytes };
  };
  const firstTouch = await rounds(fresh, FRESH_MEMORY, 'small-warm-up', 'first touch');
  const steadyState = await rounds(steady, `${STEADY_MEMORY_BYTES}`, 'warm-up', 'steady');
  return [
    ...figuresOf(name, size, steadyState.taken),
    residentFigure(bench, `${name}: mount's resident memory`, steadyState.residentBytes),
    ...firstTouchFigures(name, size, firstTouch.taken),
  ];
}

function readThrough(path: string, bytes?: number): Promise<unknown> {
  const count = bytes === undefined ? [] : [`count=${bytes >> 20}`];
  return run('dd', [`if=${path}`, 'of=/dev/null', 'bs=1M', ...count, 'status=none'], { deadlineMs: READ_MS });
}

async function measureFile(
  origin: BenchOrigin,
  path: string,
  rclonePath: string,
  key: string,
  size: number,
): Promise<Round> {
  await dropKernelCaches();
  await stat(path);
  await origin.takeStats();
  const own = await measured(() => readThrough(path));
  const { maxInFlight, bytesSent } = await origin.takeStats();
  let gets = 0;
  const getsCost = await measured(async () => {
    gets = await rangedGets(origin, key, { size, blockBytes: BLOCK_BYTES, atOnce: maxInFlight });
  });
  await stat(rclonePath);
  const part = await measured(() => readThrough(rclonePath, size * RCLONE_SHARE));
  const rclone = part.seconds / RCLONE_SHARE;
  const { seconds, cpuSeconds } = own;
  return {
    ...{ own: seconds, cpuSeconds, gets, rclone },
    getsCpuSeconds: getsCost.cpuSeconds,
    atOnce: maxInFlight,
    originBytes: bytesSent,
  };
}

function figuresOf(name: string, size: number, taken: readonly Round[]): Figure[] {
  const gb = size / 1e9;
  const of = (value: (round: Round) => number) => median(taken.map(value));
  const ofGets = of((round) => round.gets / round.own);
  const perByte = of((round) => round.originBytes / size);
  const values: Omit<Figure, 'bench'>[] = [
    { figure: 'tidecache', value: of(({ own }) => gb / own), unit: 'GB/s' },
    { figure: 'plain ranged GETs', value: of(({ gets }) => gb / gets), unit: 'GB/s' },
    {
      figure: 'plain ranged GETs: CPU, their start included',
      value: of(({ getsCpuSeconds }) => getsCpuSeconds / gb),
      unit: 'CPU s/GB',
    },
    { figure: 'rclone', value: of(({ rclone }) => gb / rclone), unit: 'GB/s' },
    { figure: 'GETs at once', value: of(({ atOnce }) => atOnce), unit: '' },
    { figure: 'CPU, whole machine', value: of(({ cpuSeconds }) => cpuSeconds / gb), unit: 'CPU s/GB' },
    { figure: 'of plain GETs', value: ofGets, unit: '×', peer: 'ranged GETs', ...atLeast(ofGets, 0.9) },
    { figure: 'over rclone', value: of((round) => round.rclone / round.own), unit: '×', peer: 'rclone' },
    { figure: 'origin bytes per byte', value: perByte, unit: '', ...atMost(perByte, 1.01) },
  ];
  return values.map((figure) => ({ bench, ...figure, figure: `${name}: ${figure.figure}` }));
}

/** What it costs beside, where workers fill memory that was never used: no goal. */
function firstTouchFigures(name: string, size: number, taken: readonly Round[]): Figure[] {
  const gb = size / 1e9;
  const of = (value: (round: Round) => number) => median(taken.map(value));
  const values: Omit<Figure, 'bench' | 'figure'>[] = [
    { value: of(({ own }) => gb / own), unit: 'GB/s' },
    { value: of(({ cpuSeconds }) => cpuSeconds / gb), unit: 'CPU s/GB' },
    { value: of((round) => round.gets / round.own), unit: '×', peer: 'ranged GETs' },
  ];
  return values.map((figure) => ({
    bench,
    ...figure,
    figure: `${name}: first touch of memory, ${figure.unit}`,
  }));
}
