/** What each lane gets of what a worker has: memory, ports and sockets. */
import { formatSize, MAX_LANES, TidecacheError } from '@tidecache/protocol';
import type { WorkerInit } from '../api.js';
import type { LaneInit } from '../lane.js';
import { MAX_EXTENT_BYTES, MIN_MEMORY_BYTES } from '../limits.js';
import { assertMemory } from '../memory/pool.js';

const MAX_PORT = 65_535;

/**
 * The lanes of a worker: equal shares of the memory; the port asked for, then those from `threadPort` on or any free
 * ones; the socket's path, followed by `.1` and so on. Throws INVALID when it can't be divided so, and as
 * {@link assertMemory}.
 */
export function divide(init: WorkerInit, id: string, threads: number): LaneInit[] {
  const { listen, threadPort, unixPath, sharedMemoryDir, memoryBytes, secret, limits } = init;
  if (!Number.isInteger(threads) || threads < 1 || threads > MAX_LANES) {
    throw new TidecacheError('INVALID', `cannot start a worker with ${threads} threads: 1 to ${MAX_LANES}`);
  }
  assertMemory(memoryBytes);
  const share = memoryBytes / threads;
  const laneBytes = share - (share % MAX_EXTENT_BYTES);
  if (laneBytes < MIN_MEMORY_BYTES) {
    throw new TidecacheError(
      'INVALID',
      `cannot divide ${formatSize(memoryBytes)} of memory among ${threads} threads: each needs at least ` +
        `${formatSize(MIN_MEMORY_BYTES)} (fewer threads, or more memory)`,
    );
  }
  if (threadPort !== undefined && threadPort + threads - 2 > MAX_PORT) {
    throw new TidecacheError(
      'INVALID',
      `${threads} threads need ${threads - 1} ports from ${threadPort} on: ports end at ${MAX_PORT}`,
    );
  }
  return Array.from({ length: threads }, (_, i) => ({
    id,
    name: threads === 1 ? `worker ${id}` : `worker ${id}, thread ${i}`,
    listen: {
      host: listen.host,
      port: i === 0 ? listen.port : threadPort === undefined ? 0 : threadPort + i - 1,
    },
    unixPath: unixPath === undefined ? undefined : laneSocket(unixPath, i),
    sharedMemoryDir,
    memoryBytes: laneBytes,
    secret,
    limits,
    lanes: threads,
    lane: i,
  }));
}

/** The socket of lane `i` of a worker whose first has `unixPath`. */
export const laneSocket = (unixPath: string, i: number): string => (i === 0 ? unixPath : `${unixPath}.${i}`);
