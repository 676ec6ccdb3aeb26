/**
 * Names: `ls -l` of a large directory, `find` over a large tree, and `stat` of names that the mount has never seen.
 * Beside them the same on the local file system, and on the FUSE floor where the question is what FUSE itself costs.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { undoing } from '@tidecache/test';
import { startCluster } from './lab/bench-cluster.js';
import type { Run } from './lab/cpu.js';
import { atMost, type Bench, type Figure, median } from './lab/figures.js';
import { mountNullTree } from './lab/null-mount.js';
import { dirName, fileName } from './lab/origin/spec.js';
import { startOrigin } from './lab/origin/start.js';
import { dropKernelCaches, found, listed, type TreeShape, walk } from './lab/walking.js';

const bench = 'metadata';
const FLAT = 100_000;
const SIZE = 100;
/** Over more than the 15 s for which the kernel keeps a listing: one in them is fetched anew. */
const WARM_ROUNDS = 9;

export const metadata: Bench = {
  name: bench,
  description: 'ls -l of 100 k files, find over 1 M, stat of names never seen',
  method:
    'A generated S3 bucket with a flat directory of 100 k objects and a tree of 1 M (100 k with --quick). The first\n' +
    'find is the cold listing: from the origin into the inode cache. Then, in turn with the same names on the local\n' +
    'file system (the one of the temporary directory): ls -l again and again (warm), and with the kernel’s caches\n' +
    'dropped before each. find and stat run on fresh mounts, so from the inode cache of the master, beside the\n' +
    'local file system and beside a FUSE mount that answers from memory.',
  run: ({ quick, say }) =>
    undoing(bench, async (scratch) => {
      const tree = { dirs: quick ? 100 : 1_000, files: 1_000 };
      const entries = tree.dirs * (tree.files + 1) + 1;
      const origin = await startOrigin(scratch, {
        objects: [
          { prefix: 'flat/', dirs: 0, files: FLAT, size: SIZE },
          { prefix: 'tree/', ...tree, size: SIZE },
        ],
      });
      const cluster = await startCluster(scratch, origin, { workers: 1, memory: '128MiB' });
      const figures: Figure[] = [];
      const tell = (figure: Omit<Figure, 'bench'>) => {
        figures.push({ bench, ...figure });
        say(`${figure.figure}: ${figure.value.toPrecision(3)} ${figure.unit}`);
      };
      const root = `${(await cluster.mount()).dir}/bench`;
      const local = scratch.path('local');
      makeTree(`${local}/flat`, { dirs: 0, files: FLAT });

      const cold = await found(`${root}/tree`, entries);
      tell({ figure: 'find, cold: from the origin', value: entries / cold.seconds, unit: 'entries/s' });
      tell({ figure: 'find, cold: CPU', value: (cold.cpuSeconds * 1e6) / entries, unit: 'µs/entry' });
      const first = await listed(`${root}/flat`, FLAT);
      tell({ figure: 'ls -l of 100 k, cold', value: first.seconds, unit: 's' });
      // Not counted: a round warms caches first. The cold listing takes so long that its first pages may be gone again.
      await listed(`${root}/flat`, FLAT);
      await listed(`${local}/flat`, FLAT);

      const warm = await pairs(
        WARM_ROUNDS,
        () => listed(`${root}/flat`, FLAT),
        () => listed(`${local}/flat`, FLAT),
      );
      tell({ figure: 'ls -l of 100 k, warm', value: warm.own, unit: 's' });
      tell({ figure: 'ls -l of 100 k, warm: the slowest, fetched anew', value: warm.ownMax, unit: 's' });
      tell({ figure: 'ls -l of 100 k, local', value: warm.peer, unit: 's' });
      const beside = { unit: '×', peer: 'local file system' };
      tell({
        figure: 'ls -l of 100 k, warm, to local',
        value: warm.ratio,
        ...beside,
        ...atMost(warm.ratio, 2),
      });
      const dropped = await pairs(
        quick ? 1 : 3,
        () => dropKernelCaches().then(() => listed(`${root}/flat`, FLAT)),
        () => dropKernelCaches().then(() => listed(`${local}/flat`, FLAT)),
      );
      tell({ figure: 'ls -l of 100 k, kernel caches dropped', value: dropped.own, unit: 's' });
      tell({ figure: 'ls -l of 100 k, kernel caches dropped, to local', value: dropped.ratio, ...beside });

      const fresh = `${(await cluster.mount()).dir}/bench/tree`;
      makeTree(`${local}/tree`, tree);
      const cached = await pairs(
        1,
        () => found(fresh, entries),
        () => found(`${local}/tree`, entries),
      );
      tell({ figure: 'find, from the inode cache', value: entries / cached.own, unit: 'entries/s' });
      tell({ figure: 'find, from the inode cache, to local', value: cached.ratio, ...beside });

      const names = { dirs: 10, files: tree.files };
      const unseen = `${(await cluster.mount()).dir}/bench/tree`;
      const own = await walk('stat', unseen, names, 1);
      const floor = await walk('stat', await mountNullTree(scratch, names), names, 1);
      tell({ figure: 'stat of names never seen', value: own.files / own.seconds, unit: '1/s' });
      tell({ figure: 'stat of names never seen: p50', value: own.p50Us, unit: 'µs' });
      tell({ figure: 'stat of names never seen: p99', value: own.p99Us, unit: 'µs' });
      tell({ figure: 'stat of names never seen: max', value: own.maxUs, unit: 'µs' });
      const share = floor.seconds / own.seconds;
      tell({ figure: 'stat of names never seen, of the floor', value: share, unit: '×', peer: 'FUSE floor' });
      return figures;
    }),
};

/** No further round is begun after this long: names can be slow where the origin is. */
const PAIRS_MS = 30_000;

/** Medians of both in seconds, and of their ratio within a round. */
async function pairs(rounds: number, own: () => Promise<Run>, peer: () => Promise<Run>) {
  const taken: (readonly [number, number])[] = [];
  const end = performance.now() + PAIRS_MS;
  do taken.push([(await own()).seconds, (await peer()).seconds]);
  while (taken.length < rounds && performance.now() < end);
  return {
    own: median(taken.map(([a]) => a)),
    ownMax: Math.max(...taken.map(([a]) => a)),
    peer: median(taken.map(([, b]) => b)),
    ratio: median(taken.map(([a, b]) => a / b)),
  };
}

function makeTree(root: string, { dirs, files }: TreeShape): void {
  const folders = dirs === 0 ? [root] : Array.from({ length: dirs }, (_, i) => `${root}/${dirName(i)}`);
  for (const folder of folders) {
    mkdirSync(folder, { recursive: true });
    for (let i = 0; i < files; i++) closeSync(openSync(`${folder}/${fileName(i)}`, 'w'));
  }
}
