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

const bench = 'cold-read';
const BLOCK_BYTES = 4 << 20;
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
    'Each round reads a file that was never read, dd bs=1M through the mount; its name is looked up before. The\n' +
    'origin counts how many GETs it had at once, and a Node program then fetches the same object by ranged GETs of\n' +
    '4 MiB (undici dispatch, bytes counted and dropped) with that many at once; then rclone mount reads a quarter\n' +
    'of it. Two origins: one that answers after 20 ms with 50 MB/s on each connection, and one as fast as this\n' +
    'machine, where the CPU is the limit and the GETs have only one of four hops to pay. Ratios are of one round.',
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
  const rounds = quick ? 3 : 7;
  const objects = Array.from({ length: rounds + 1 }, (_, i) => ({ key: `c${i}`, size }));
  const origin = await startOrigin(scratch, { objects, ...speed });
  const cluster = await startCluster(scratch, origin, { workers: 3, memory: '1GiB' });
  const mounted = await cluster.mount();
  const resident = watchResident(mounted.service.pid);
  const rclone = await mountRclone(scratch, origin.endpoint, BUCKET);
  const taken: Round[] = [];
  for (const [i, { key }] of objects.entries()) {
    const one = await measureFile(origin, `${mounted.dir}/bench/${key}`, `${rclone}/${key}`, key, size);
    if (i > 0) taken.push(one); // the first one warms code
    const gb = size / 1e9;
    say(
      `${name}: ${(gb / one.own).toFixed(2)} GB/s with ${one.atOnce} GETs at once, plain GETs ` +
        `${(gb / one.gets).toFixed(2)}, rclone ${(gb / one.rclone).toFixed(2)}; ${(one.cpuSeconds / gb).toFixed(2)} CPU s/GB`,
    );
  }
  const figures = figuresOf(name, size, taken);
  figures.push(residentFigure(bench, `${name}: mount's resident memory`, resident()));
  await mounted.unmount();
  return figures;
}

async function measureFile(
  origin: BenchOrigin,
  path: string,
  rclonePath: string,
  key: string,
  size: number,
): Promise<Round> {
  const read = (from: string, bytes: number) =>
    run('dd', [`if=${from}`, 'of=/dev/null', 'bs=1M', `count=${bytes >> 20}`, 'status=none'], {
      deadlineMs: READ_MS,
    });
  await stat(path);
  await origin.takeStats();
  const own = await measured(() => read(path, size));
  const { maxInFlight, bytesSent } = await origin.takeStats();
  const gets = await rangedGets(origin, key, { size, blockBytes: BLOCK_BYTES, atOnce: maxInFlight });
  await stat(rclonePath);
  const part = await measured(() => read(rclonePath, size * RCLONE_SHARE));
  const rclone = part.seconds / RCLONE_SHARE;
  const { seconds, cpuSeconds } = own;
  return { own: seconds, cpuSeconds, gets, rclone, atOnce: maxInFlight, originBytes: bytesSent };
}

function figuresOf(name: string, size: number, taken: readonly Round[]): Figure[] {
  const gb = size / 1e9;
  const of = (value: (round: Round) => number) => median(taken.map(value));
  const ofGets = of((round) => round.gets / round.own);
  const perByte = of((round) => round.originBytes / size);
  const values: Omit<Figure, 'bench'>[] = [
    { figure: 'tidecache', value: of(({ own }) => gb / own), unit: 'GB/s' },
    { figure: 'plain ranged GETs', value: of(({ gets }) => gb / gets), unit: 'GB/s' },
    { figure: 'rclone', value: of(({ rclone }) => gb / rclone), unit: 'GB/s' },
    { figure: 'GETs at once', value: of(({ atOnce }) => atOnce), unit: '' },
    { figure: 'CPU, whole machine', value: of(({ cpuSeconds }) => cpuSeconds / gb), unit: 'CPU s/GB' },
    { figure: 'of plain GETs', value: ofGets, unit: '×', peer: 'ranged GETs', ...atLeast(ofGets, 0.9) },
    { figure: 'over rclone', value: of((round) => round.rclone / round.own), unit: '×', peer: 'rclone' },
    { figure: 'origin bytes per byte', value: perByte, unit: '', ...atMost(perByte, 1.01) },
  ];
  return values.map((figure) => ({ bench, ...figure, figure: `${name}: ${figure.figure}` }));
}
