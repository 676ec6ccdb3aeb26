/** How many threads, where `auto` leaves it to the machine. */
import { GiB } from '@tidecache/protocol';
import { availableCores } from './cores.js';

/** Up to here one event loop and the kernel's own work keep all cores busy. */
const FEW_CORES = 3;
/** One thread keeps about two cores busy: its own and the kernel's share of sockets, on another. */
const CORES_PER_THREAD = 2;
const MAX_AUTO_THREADS = 8;
/** Memory below which a thread's share is too small for its blocks to even out. */
const AUTO_THREAD_BYTES = 1 * GiB;

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
