/** How many threads, and how long they wait awake, where `auto` leaves it to the machine. */
import { GiB } from '@tidecache/protocol';
import { availableCores } from './cores.js';

/** Up to here one event loop and the kernel's own work keep all cores busy. */
const FEW_CORES = 3;
/** One thread keeps about two cores busy: its own and the kernel's share of sockets, on another. */
const CORES_PER_THREAD = 2;
const MAX_AUTO_THREADS = 8;
/** Memory below which a thread's share is too small for its blocks to even out. */
const AUTO_THREAD_BYTES = 1 * GiB;

/** A mount's other half is its main thread, and half of the machine is the application's. */
const CORES_PER_IO_THREAD = 4;
const MAX_AUTO_IO_THREADS = 4;

/** Longer than a program takes between two system calls and a core to wake, 20 to 60 µs in a virtual machine. */
const AUTO_BUSY_POLL_US = 100;

/** Milliseconds that a mount stays awake for the next small request. On one core its asker could not run meanwhile. */
export function mountBusyPollMs(wantedUs: number | 'auto', cores: number = availableCores()): number {
  if (wantedUs !== 'auto') return wantedUs / 1000;
  return cores < 2 ? 0 : AUTO_BUSY_POLL_US / 1000;
}

/** I/O threads of a mount. */
export function mountThreads(wanted: number | 'auto', cores: number = availableCores()): number {
  if (wanted !== 'auto') return wanted;
  if (cores <= FEW_CORES) return 0;
  return Math.min(MAX_AUTO_IO_THREADS, Math.max(1, Math.floor(cores / CORES_PER_IO_THREAD)));
}

/** Lanes of a worker. */
export function workerThreads(
  wanted: number | 'auto',
  memoryBytes: number,
  cores: number = availableCores(),
): number {
  if (wanted !== 'auto') return wanted;
  if (cores <= FEW_CORES) return 1;
  const byMemory = Math.floor(memoryBytes / AUTO_THREAD_BYTES);
  return Math.max(1, Math.min(MAX_AUTO_THREADS, Math.floor(cores / CORES_PER_THREAD), byMemory));
}
