/** The machine under a bench: how idle it was, what a process's interface sent, how large a process grew. */
import { readFileSync } from 'node:fs';

/** Ticks of all CPUs since boot, from /proc/stat. */
interface Ticks {
  readonly idle: number;
  readonly all: number;
}

/** Starts now; the result gives the share of all CPUs' time that was idle until it is called, from 0 to 1. */
export function watchIdle(): () => number {
  const before = ticks();
  return () => {
    const after = ticks();
    return (after.idle - before.idle) / Math.max(1, after.all - before.all);
  };
}

function ticks(): Ticks {
  // user nice system idle iowait irq softirq steal; the two after them are counted in user already.
  const fields = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!.trim().split(/\s+/).slice(1, 9);
  const numbers = fields.map(Number);
  return { idle: numbers[3]! + numbers[4]!, all: numbers.reduce((sum, n) => sum + n, 0) };
}

/** Bytes that have left by eth0 of the namespace that a process is in, with all headers. */
export function sentBytes(pid: number): number {
  const line = readFileSync(`/proc/${pid}/net/dev`, 'utf8')
    .split('\n')
    .find((text) => text.trim().startsWith('eth0:'));
  const field = line?.trim().split(/[\s:]+/)[9];
  if (field === undefined) throw new Error(`process ${pid} has no eth0`);
  return Number(field);
}

/** The most memory that a process has had resident, in bytes. */
export const peakResidentBytes = (pid: number): number => memoryOf(pid, ['VmHWM']);

/** What /proc/PID/status says under these names together, in bytes. Throws when the process has gone. */
export function memoryOf(pid: number, names: readonly string[]): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return names.reduce((sum, name) => {
    const kib = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
    if (kib === undefined) throw new Error(`/proc/${pid}/status has no ${name}`);
    return sum + Number(kib) * 1024;
  }, 0);
}
