/** What a process has held of memory at most, and the CPU that it took itself, from /proc. */
import { readFileSync } from 'node:fs';
import type { Figure } from './figures.js';
import { atMost } from './figures.js';

const TICKS_PER_SECOND = 100;
/** The mount's read-ahead memory unless it is told otherwise: the client's DEFAULT_BUFFER_BYTES. */
const MOUNT_BUDGET_MB = 268;
const MOUNT_OVERHEAD_MB = 150;

/** The most that it had resident, in MB. */
export function peakMb(pid: number): number {
  const kib = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kib) * 1024) / 1e6;
}

/** User and system time of all its threads. */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name, in brackets, may hold anything: fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The mount held to its promise: its budget and 150 MB. */
export function residentFigure(bench: string, figure: string, pid: number): Figure {
  const value = peakMb(pid);
  return { bench, figure, value, unit: 'MB', ...atMost(value, MOUNT_BUDGET_MB + MOUNT_OVERHEAD_MB) };
}
