import { statfsSync } from 'node:fs';
import { formatSize, MiB, TidecacheError } from '@tidecache/protocol';

const ENOSPC = 28;
const EDQUOT = 122;
const MDB_MAP_FULL = -30792;
/** LMDB says EIO when a write comes back short, which is what a full disk does: less than this free is full. */
const FULL_BYTES = 8 * MiB;

/** What a failed write means: NO_SPACE when the disk is full, else INTERNAL with the cause. */
export function writeError(dataDir: string, what: string, cause: unknown): TidecacheError {
  const { code, message } = cause as { code?: unknown; message?: string };
  const freeBytes = freeBytesOf(dataDir);
  const full = code === ENOSPC || code === EDQUOT || code === MDB_MAP_FULL || freeBytes < FULL_BYTES;
  if (full) {
    return new TidecacheError(
      'NO_SPACE',
      `${what}: the master cannot write to ${dataDir}: ${formatSize(Math.max(0, freeBytes))} free (free some space; ` +
        'what is known already is served meanwhile)',
      { cause },
    );
  }
  return new TidecacheError(
    'INTERNAL',
    `${what}: the master cannot write to ${dataDir}: ${message ?? String(cause)} (see that the disk works)`,
    { cause },
  );
}

function freeBytesOf(dataDir: string): number {
  try {
    const { bavail, bsize } = statfsSync(dataDir);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
