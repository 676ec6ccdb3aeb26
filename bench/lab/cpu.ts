/**
 * Machine-wide busy CPU from /proc/stat: every process and the kernel together, which no process's own accounting
 * sees (the kernel copies FUSE pages in the reader's name, softirqs run in anybody's).
 */
import { readFileSync } from 'node:fs';

/** USER_HZ is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Seconds that all CPUs together have been busy since boot; waiting for I/O and stolen time are not busy. */
export function busySeconds(): number {
  const [user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]!
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user! + nice! + system! + irq! + softirq!) / TICKS_PER_SECOND;
}

export interface Run {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

export async function measured(work: () => Promise<unknown>): Promise<Run> {
  const cpu = busySeconds();
  const startedAt = performance.now();
  await work();
  return { seconds: (performance.now() - startedAt) / 1000, cpuSeconds: busySeconds() - cpu };
}
