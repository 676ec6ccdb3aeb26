/** Placement in one process: look-ups per second, how evenly blocks lie, how few move when a worker comes. */
import { createHash } from 'node:crypto';
import { createPlacement, type FileId, type RingMember } from '@tidecache/protocol';
import { atMost, type Bench, type Figure, median } from './lab/figures.js';

const bench = 'ring';
const BLOCKS_PER_FILE = 256;
const FILES = 400;
const BLOCKS = FILES * BLOCKS_PER_FILE;

export const ring: Bench = {
  name: bench,
  description: 'placement: look-ups per second, balance, movement',
  method:
    'For 3, 20 and 100 workers of equal weight: the first three workers of 100 k blocks of 400 files, look-ups per\n' +
    'second of this process’s CPU, beside one SHA-1 of the block’s name, which is the least that a ring of hashed\n' +
    'points would pay; the fullest worker over the mean, which for draws at random is 1.08 at 100 workers (three\n' +
    'standard deviations of a thousand blocks each); and the share of blocks whose owner changes when one worker is added, over\n' +
    'the least possible, 1 of all workers.',
  run: async ({ quick }) => [3, 20, 100].flatMap((workers) => measure(workers, quick ? 3 : 9)),
};

function measure(workers: number, rounds: number): Figure[] {
  const members = membersOf(workers);
  const placement = createPlacement({ epoch: 1, members });
  const files = Array.from({ length: FILES }, (_, i) => fileId(i));
  const each = (visit: (file: FileId, index: number) => void) => {
    for (const file of files) for (let index = 0; index < BLOCKS_PER_FILE; index++) visit(file, index);
  };
  const cpu = (visit: (file: FileId, index: number) => void) => {
    const before = process.cpuUsage();
    each(visit);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  };
  const taken = Array.from({ length: rounds + 1 }, () => ({
    own: cpu((file, index) => void placement.rank(file, index, 3)),
    hash: cpu((file, index) => void createHash('sha1').update(`${file}${index}`, 'latin1').digest()),
  })).slice(1);

  const load = new Map<string, number>();
  let moved = 0;
  const larger = createPlacement({ epoch: 2, members: membersOf(workers + 1) });
  each((file, index) => {
    const [{ id } = { id: '' }] = placement.rank(file, index, 1);
    load.set(id, (load.get(id) ?? 0) + 1);
    if (larger.rank(file, index, 1)[0]!.id !== id) moved++;
  });
  const fullest = Math.max(...load.values()) / (BLOCKS / workers);
  const movement = moved / BLOCKS / (1 / (workers + 1));
  const ratio = median(taken.map(({ own, hash }) => hash / own));
  const name = (figure: string) => ({ bench, figure: `${workers} workers: ${figure}` });
  return [
    { ...name('look-ups'), value: median(taken.map(({ own }) => BLOCKS / own)), unit: '/CPU s' },
    { ...name('look-ups to SHA-1'), value: ratio, unit: '×', peer: 'one SHA-1 a block' },
    {
      ...name('fullest over mean'),
      value: fullest,
      unit: '×',
      peer: 'even shares',
      ...atMost(fullest, 1.15),
    },
    {
      ...name('moved by one more'),
      value: movement,
      unit: '×',
      peer: 'least possible',
      ...atMost(movement, 1.1),
    },
  ];
}

const membersOf = (count: number): RingMember[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `worker-${i}`,
    host: '127.0.0.1',
    port: 1,
    hostId: 'bench',
    weight: 1,
  }));

const fileId = (index: number): FileId =>
  createHash('sha256').update(`file ${index}`).digest().toString('latin1', 0, 16) as FileId;
