/** What a process has held of memory at most, and the CPU that it took itself, from /proc. */
import { readFileSync } from 'node:fs';
import type { Figure } from './figures.js';
import { atMost } from './figures.js';
import { memoryOf } from './machine.js';

const LOOK_MS = 50;
const TICKS_PER_SECOND = 100;
/** The mount's read-ahead memory unless it is told otherwise: the client's DEFAULT_BUFFER_BYTES. */
const MOUNT_BUDGET_MB = 268;
const MOUNT_OVERHEAD_MB = 150;

/**
 * Watches what a process holds from now on; the result tells the most of it, in MB. Memory of tmpfs files that it maps
 * is left out: a mount maps what workers on its host hold, and whoever wrote it is charged for it.
 */
export function watchResident(pid: number): () => number {
  let most = 0;
  const look = () => {
    most = Math.max(most, memoryOf(pid, ['RssAnon', 'RssFile']) / 1e6);
  };
  look();
  const timer = setInterval(() => {
    try {
      look();
    } catch {
      clearInterval(timer); // the process has ended; who asks for the result is told so
    }
  }, LOOK_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    look();
    return most;
  };
}

/** User and system time of all its threads. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name, in brackets, may hold anything: fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The mount held to its promise: its budget and 150 MB. */
export function residentFigure(bench: string, figure: string, mostMb: number): Figure {
  return {
    ...{ bench, figure, value: mostMb, unit: 'MB' },
    ...atMost(mostMb, MOUNT_BUDGET_MB + MOUNT_OVERHEAD_MB),
  };
}
