import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { dropPageCache } from './page-cache.js';

/** One read of the application. */
const CHUNK_BYTES = 1 << 20;

export interface ReadThrough {
  /** Of the bytes that came, in hex. */
  readonly sha256: string;
  /** The longest that one read took. */
  readonly longestMs: number;
}

/**
 * Reads the first `bytes` of a file in a mount from their start on, its page cache dropped before. `fault` runs when
 * `faultAt` of them have come: whole MiB.
 */
export async function readThrough(
  path: string,
  bytes: number,
  faultAt: number,
  fault: () => unknown,
): Promise<ReadThrough> {
  await dropPageCache(path);
  const hash = createHash('sha256');
  const handle = await open(path);
  let longestMs = 0;
  for (let at = 0; at < bytes; at += CHUNK_BYTES) {
    if (at === faultAt) await fault();
    const startedAt = performance.now();
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, at);
    longestMs = Math.max(longestMs, performance.now() - startedAt);
    hash.update(buffer.subarray(0, bytesRead));
  }
  await handle.close();
  return { sha256: hash.digest('hex'), longestMs };
}
