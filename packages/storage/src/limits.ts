/** Storage's own limits, with units. What two parts must agree on is in protocol's limits. */
import { MAX_BLOCK_BYTES, MiB, ORIGIN_ATTEMPT_MS } from '@tidecache/protocol';

/** Tries of one request to an origin, the first included. */
export const MAX_ATTEMPTS = 5;
/** The pause before try n is random in [0, base × 2^n], at most the cap ("full jitter"). */
export const RETRY_BASE_MS = 50;
export const RETRY_CAP_MS = 2_000;

/** Connections to one object store for block bytes, and for everything else. */
export const MAX_DATA_CONNECTIONS = 64;
export const MAX_CONTROL_CONNECTIONS = 32;
/** An idle one is closed after this, or when the server said it would, less a margin for a request on its way. */
export const IDLE_CONNECTION_MS = 4_000;
export const KEPT_MARGIN_MS = 1_000;
/** An answer's status line and headers; also a chunked body's lines. As Node's own. */
export const MAX_HEAD_BYTES = 16 * 1024;
/** Reads of one origin that wait or run; one more is BUSY at once. */
export const MAX_PENDING_READS = 4_096;
/** Silence on a connection that carries block bytes, before the headers or between two chunks. */
export const DATA_IDLE_MS = ORIGIN_ATTEMPT_MS;
/** Bytes kept of an error's XML body. */
export const MAX_ERROR_BODY_BYTES = 64 * 1024;

/** One part of an upload, unless the object needs more than {@link MAX_PARTS} of them. Also the largest single put. */
export const PART_BYTES = 8 * MiB;
/** S3's and OSS's own. */
export const MAX_PARTS = 10_000;
/** Parts of one write in flight: its memory is this many parts, and one being filled. */
export const MAX_PARTS_IN_FLIGHT = 4;
/** What one copy request may copy: S3 takes 5 GiB, OSS 1 GB. Above, part by part. */
export const MAX_COPY_BYTES = 512 * MiB;

/** Keys of one listing request: S3's and OSS's own. */
export const MAX_LIST_KEYS = 1_000;

/** How often a secret file is looked at for a change. */
export const SECRET_CHECK_MS = 1_000;
export const MAX_SECRET_BYTES = 64 * 1024;

/** Calls of one NAS in flight in libuv's thread pool. A mount that hangs holds these, and no more. */
export const MAX_FS_CALLS = 32;
/** Calls that wait for one of those; one more is BUSY at once. */
export const MAX_FS_WAITING = 65_536;
/** One call of fs.read: the unit of progress. */
export const NAS_READ_BYTES = 1 * MiB;
/** Open descriptors kept for the next block of the same file, and how long an unused one stays. */
export const MAX_OPEN_FILES = 256;
export const OPEN_FILE_IDLE_MS = 10_000;
/** Directories whose sorted names are kept for the next page, and how long. */
export const MAX_DIRECTORY_SNAPSHOTS = 8;
export const SNAPSHOT_IDLE_MS = 30_000;

const relations: [boolean, string][] = [
  [RETRY_BASE_MS < RETRY_CAP_MS, 'pauses grow to the cap'],
  [PART_BYTES <= 8 * MiB, 'a part is one that small servers take'],
  [PART_BYTES >= 5 * MiB, 'a part is at least what S3 demands'],
  [MAX_COPY_BYTES <= 1_000_000_000, 'OSS copies less than 1 GB in one request'],
  [NAS_READ_BYTES <= MAX_BLOCK_BYTES, 'a block is one call at least'],
];
for (const [holds, what] of relations) {
  if (!holds) throw new Error(`limits contradict each other: ${what}`);
}
