/**
 * The client's own limits, with their units. What other parts must agree on is in the protocol's limits.
 */
import {
  CONNECT_MS,
  GiB,
  KiB,
  MASTER_DEADLINE_MS,
  MAX_LEND_RANGES,
  MAX_PAYLOAD_BYTES,
  MIN_BLOCK_BYTES,
  MiB,
  READ_DEADLINE_MS,
  SECTOR_BYTES,
  WORKER_ATTEMPT_MS,
} from '@tidecache/protocol';

/** A segment: the unit of read-ahead and of its memory. The largest request that the kernel sends. */
export const SEGMENT_BYTES = 1 * MiB;
/** Read-ahead memory of one client, unless it is told otherwise. */
export const DEFAULT_BUFFER_BYTES = 256 * MiB;
export const MIN_BUFFER_BYTES = 8 * MiB;
export const MAX_BUFFER_BYTES = 64 * GiB;
/** One read may take this share of the memory at most, so that two of them never wait for each other for ever. */
export const READ_SHARE = 1 / 2;
/** The longest single read. */
export const MAX_READ_CALL_BYTES = 16 * MiB;
/** Reads that wait for memory at once; more are refused as BUSY. */
export const MAX_MEMORY_WAITERS = 4096;
/** Bytes already read that are kept for readers close behind. Little, so that the CPU's caches hold it. */
export const CONSUMED_BYTES = 16 * MiB;
/** Read-ahead that nobody came for in this time may make room for other read-ahead. */
export const READ_AHEAD_IDLE_MS = 5_000;

/** The read-ahead window of a stream that was just recognised. */
export const MIN_WINDOW_BYTES = 1 * MiB;
export const MAX_WINDOW_BYTES = 112 * MiB;
/**
 * Of a window, what may be under way at once. Less than the window: blocks arrive in bursts, and the kernel asks in
 * bursts, and what has arrived and waits for its reader must not keep others from being asked for.
 */
export const MAX_UNDER_WAY_BYTES = 80 * MiB;
/** What is asked for ahead in one go: a block, or this much of a larger one. */
export const MAX_CHUNK_BYTES = 16 * MiB;
/**
 * A window of which half was read with waiting grows by this factor. An origin 100 ms away makes each step as long: with
 * 2, six of them pass before the window is at its most, and a cold file of 1 GiB loses 13 % (test/read/cold-stream). Who
 * stops reading has had at most twice this many times what it read asked for: so no larger.
 */
export const WINDOW_GROWTH = 8;
/** The least window while the file is hot: then what is read next is spread over all workers, and may begin at once. */
export const MIN_HOT_WINDOW_BYTES = 16 * MiB;
/** How long a file stays hot after a worker said so. Longer than an answer may wait in a queue. */
export const HOT_FILE_MS = 5_000;
/** The share of the memory that all windows together may aim at: the rest is for reads that wait. */
export const WINDOWS_SHARE = 1 / 2;
/** A stream that is not read for so long has no part in it, until it is read again. */
export const STREAM_IDLE_MS = 2_000;
/** How far from where a stream is expected a read may be and still belong to it: the kernel reorders. */
export const REORDER_BYTES = 4 * MiB;
/** The same in lengths of that read, so that small random reads in a small file are not taken for a stream. */
export const REORDER_READS = 8;
/** Streams told apart on one handle. */
export const MAX_STREAMS = 16;
/** Reads elsewhere that a stream outlives those by which were never read on from. */
export const STREAM_BONUS_READS = 64;
/** Reads at one constant distance that make a stride. */
export const STRIDE_READS = 3;
/** Strided reads asked for ahead. */
export const MIN_STRIDE_AHEAD = 2;
export const MAX_STRIDE_AHEAD = 16;
/** A read of this length or more lets the worker fill the whole block: it is no look-up in an index. */
export const LARGE_READ_BYTES = 64 * KiB;
/** A file of this size or less is read whole at the first touch. */
export const SMALL_FILE_BYTES = 64 * KiB;

/** Read-ahead may have on its way what arrives within this time at the rate of late: half a worker's silence. */
export const IN_FLIGHT_MS = 1_250;
/** And this much whatever the rate, or less with few workers of small blocks. */
export const MIN_IN_FLIGHT_BYTES = 4 * MiB;
/** The best rate is forgotten by this factor with each answer. */
export const RATE_DECAY = 0.9;
/** Slower than this, and waiting longer does not help: 1 MB/s. */
export const SLOWEST_BYTES_PER_MS = 1_000;
/** The longest that one's own queue excuses a worker's silence. */
export const MAX_QUEUE_MS = 8_000;

/** What was lent and is looked at no more is told to its worker once it is so many, or so much, or so long ago. */
export const MAX_HELD_RELEASES = 128;
export const MAX_HELD_RELEASES_BYTES = 1 * MiB;
export const RELEASE_PAUSE_MS = 50;

/** Small files of one directory read without a pause before the others are fetched ahead. */
export const MIN_SIBLING_READS = 16;
/** The longest pause between two of them. */
export const SIBLING_PAUSE_MS = 2_000;
/** Of one directory fetched and not read yet, and asked for at once: a read that comes then waits for no more. */
export const MAX_SIBLINGS_AHEAD = 4096;
export const MAX_SIBLING_BATCH = 32;
/** The same for files that workers on this host lend: that moves no bytes, and costs a hundredth of a fetch. */
export const LENT_PER_READ = 16;
export const MAX_LENT_BATCH = 192;
/** Files that are lent and not read yet, over all directories: about 300 bytes each. */
export const MAX_LENT_FILES = 32_768;
/** A worker that lends fewer is not waited for: what it does not lend is fetched. */
export const MIN_LENT_FILES = 128;
/** Files that are remembered of directories that were read through, over all of them, and for how long. */
export const MAX_LISTED_FILES = 65_536;
export const LISTING_VALID_MS = 60_000;
/** Files that one run through a directory remembers as read; then it begins anew. */
export const MAX_SIBLINGS_SEEN = 65_536;
/** Directories that are followed at once. */
export const MAX_SIBLING_DIRECTORIES = 32;
/** Entries asked for at once. */
export const SIBLING_PAGE_ENTRIES = 2048;
/** The share of the memory that they may fill together. */
export const SIBLINGS_SHARE = 1 / 2;

/** Files without handles whose segments are kept for whoever opens them again soon, or for the first time. */
export const MAX_IDLE_FILES = 8192;

/** Workers that one piece is asked of, in one round. */
export const WORKERS_PER_PIECE = 3;
/** Bytes of read-ahead in flight to one worker: more than a stream has, which may find all its blocks at one worker. */
export const READ_AHEAD_PER_WORKER_BYTES = 128 * MiB;
/** Pause between two rounds over all workers and the origin: first and longest. */
export const ROUND_PAUSE_MS = 100;
export const MAX_ROUND_PAUSE_MS = 4_000;
/** A worker that failed is put aside for this long at first; doubled at each further failure. */
export const ASIDE_MS = 250;
export const MAX_ASIDE_MS = 10_000;
/** Timeouts in a row after which an answer to PING is not enough to be trusted at once. */
export const TRUSTED_TIMEOUTS = 3;

/** Reads straight from origins at once, of at most a segment each: a sick cluster must not stampede them. */
export const ORIGIN_READS = 8;
/** Of them, reads that nobody waits for. */
export const SPECULATIVE_ORIGIN_READS = 4;
/** Reads that wait for an origin at once; more are refused as BUSY. */
export const MAX_ORIGIN_WAITERS = 1024;

/** Inode records and names kept, each. */
export const MAX_RECORDS = 65_536;
export const MAX_ENTRIES = 65_536;
/** How long a known file waits for a master that is away before what is known is believed. */
export const MASTER_GRACE_MS = 1_000;
/** How long what was believed without the master stays so. */
export const UNCONFIRMED_MS = 1_000;
/** Calls to the master under way; more are refused as BUSY. */
export const MAX_MASTER_CALLS = 4096;
/** Pause between two tries of one call to the master: first and longest. */
export const MASTER_PAUSE_MS = 50;
export const MAX_MASTER_PAUSE_MS = 1_000;
/** Path components that `resolve` walks. */
export const MAX_PATH_DEPTH = 256;

const relations: [boolean, string][] = [
  [SEGMENT_BYTES <= MAX_PAYLOAD_BYTES, 'a segment comes in one request'],
  [SEGMENT_BYTES % SECTOR_BYTES === 0, 'segments are whole sectors'],
  [SMALL_FILE_BYTES <= SEGMENT_BYTES, 'a small file is one segment'],
  [MAX_LENT_BATCH <= MAX_LEND_RANGES, 'a batch is borrowed by one message, whoever lends it'],
  [SMALL_FILE_BYTES <= MIN_BLOCK_BYTES, 'a small file is one block'],
  [MAX_SIBLINGS_AHEAD < MAX_IDLE_FILES, 'a sibling fetched ahead is not pushed out by the others'],
  [MAX_CHUNK_BYTES <= MAX_UNDER_WAY_BYTES, 'something can be asked for ahead'],
  [MAX_CHUNK_BYTES % SEGMENT_BYTES === 0, 'segments are not asked for in parts'],
  [MIN_WINDOW_BYTES >= SEGMENT_BYTES, 'a window holds a segment'],
  [
    MIN_BUFFER_BYTES * READ_SHARE >= 2 * SEGMENT_BYTES,
    'a read of one segment, unaligned, fits the smallest memory',
  ],
  [
    CONNECT_MS + (WORKERS_PER_PIECE + 1) * WORKER_ATTEMPT_MS + MAX_QUEUE_MS < READ_DEADLINE_MS,
    'the origin is reached when all workers are silent',
  ],
  [MIN_WINDOW_BYTES <= MIN_HOT_WINDOW_BYTES, 'a hot file is read further ahead'],
  [MAX_UNDER_WAY_BYTES < READ_AHEAD_PER_WORKER_BYTES, 'one worker is enough for a stream'],
  [MIN_HOT_WINDOW_BYTES <= MAX_WINDOW_BYTES, "a hot file's window is one"],
  [IN_FLIGHT_MS < WORKER_ATTEMPT_MS, 'read-ahead alone never makes a worker seem silent'],
  [MASTER_GRACE_MS < MASTER_DEADLINE_MS, 'what is known is used before a call ends'],
  [SPECULATIVE_ORIGIN_READS < ORIGIN_READS, 'reads that are waited for always reach the origin'],
];
for (const [holds, relation] of relations) {
  if (!holds) throw new Error(`limits: it does not hold that ${relation}`);
}
