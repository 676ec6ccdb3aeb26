/**
 * A worker in a process of its own, over an origin that makes its bytes in place: run by fork(), told what to do in
 * argv[2], asked for its use of memory and CPU by any message. Ends when its parent goes.
 */
import type { Origin, ReadCall } from '@tidecache/storage';
import { startWorker } from '../../src/index.js';

export interface WorkerProcessInit {
  readonly master: { readonly host: string; readonly port: number };
  readonly memoryBytes: number;
  readonly secret: string;
}

export interface Usage {
  readonly port: number;
  readonly maxRssBytes: number;
  readonly cpuSeconds: number;
  readonly usedBytes: number;
  readonly evictions: number;
}

const CHUNK_BYTES = 64 * 1024;
const pattern = Buffer.alloc(CHUNK_BYTES, 'what the origin has. ');

/** Chunks as a socket would bring them. */
const origin = {
  uri: 'made://',
  async read(_key: string, { into, onProgress }: ReadCall) {
    for (let at = 0; at < into.length; at += CHUNK_BYTES) {
      const bytes = Math.min(CHUNK_BYTES, into.length - at);
      into.set(bytes === CHUNK_BYTES ? pattern : pattern.subarray(0, bytes), at);
      onProgress?.(at + bytes);
    }
  },
  async close() {},
} as unknown as Origin;

const init = JSON.parse(process.argv[2] ?? '{}') as WorkerProcessInit;
const worker = await startWorker({
  id: 'w1',
  listen: { host: '127.0.0.1', port: 0 },
  openOrigin: () => origin,
  ...init,
});

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  const { usedBytes, evictions } = worker.stats();
  return {
    port: worker.address.port,
    maxRssBytes: process.resourceUsage().maxRSS * 1024,
    cpuSeconds: (user + system) / 1e6,
    usedBytes,
    evictions,
  };
}
process.on('message', () => process.send?.(usage()));
process.on('disconnect', () => process.exit(0));
process.send?.(usage());
