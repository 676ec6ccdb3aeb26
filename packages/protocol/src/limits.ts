/**
 * Every limit that two parts must agree on, with its unit in its name. A package's private limits live in its own
 * limits.ts. Relations between limits are asserted below, when the module is loaded.
 */
export const KiB = 1024;
export const MiB = 1024 * KiB;
export const GiB = 1024 * MiB;

/** A sector: the unit of checksums at rest. The kernel never asks for less than one page of its own, 4 KiB. */
export const SECTOR_BYTES = 4 * KiB;
/** A page: the unit of presence in a worker and of a random read's fill from the origin. */
export const PAGE_BYTES = 256 * KiB;
/** A block: the unit of placement and of a sequential read's fill from the origin. A dataset may choose its own. */
export const DEFAULT_BLOCK_BYTES = 4 * MiB;
export const MIN_BLOCK_BYTES = PAGE_BYTES;
export const MAX_BLOCK_BYTES = 64 * MiB;

/** The frame's fixed header. */
export const HEADER_BYTES = 40;
/** The structured part of a frame. */
export const MAX_BODY_BYTES = 1 * MiB;
/** The raw payload of one frame. A longer answer is several frames. */
export const MAX_PAYLOAD_BYTES = 4 * MiB;
/** Bytes that one READ may ask for. */
export const MAX_READ_BYTES = 4 * MiB;

/** Slabs of a worker's shared memory, and the largest: a typed array of Node 20 has less than 4 GiB. */
export const MAX_SLABS = 4096;
export const MAX_SLAB_BYTES = 1 * GiB;
/** A shorter answer is copied rather than mapped: the copy costs less than the lease. */
export const MIN_MAPPED_BYTES = 64 * KiB;
/** Ranges that one LEND may ask for. */
export const MAX_LEND_RANGES = 1024;

/** A file name, in UTF-8 bytes: the kernel's NAME_MAX. */
export const MAX_NAME_BYTES = 255;
/** A key in an origin, in UTF-8 bytes: S3's and OSS's own limits are 1024 and 1023. */
export const MAX_KEY_BYTES = 4096;
/** Entries in one READDIR answer. */
export const MAX_READDIR_ENTRIES = 2048;
/** Workers that placement may rank; ids in a ring message. */
export const MAX_WORKERS = 4096;
/** Event loops of one worker, each with a port of its own. */
export const MAX_LANES = 64;
/** Datasets in one cluster. */
export const MAX_DATASETS = 4096;

/** Silence after which a worker's lease ends and it leaves the ring. */
export const LEASE_MS = 3_000;
/** How often a worker renews. Three may be lost. */
export const HEARTBEAT_MS = 750;
/** The clock difference between master and worker past which signed requests to origins start to fail. */
export const MAX_CLOCK_SKEW_MS = 5 * 60_000;

/** The time that a call to the master may take, also while the master restarts. */
export const MASTER_DEADLINE_MS = 15_000;
/** One attempt of a READ at one worker: waiting for its first byte, and between any two of its bytes. */
export const WORKER_ATTEMPT_MS = 2_000;
/** One read from the application, with all its attempts and the origin. */
export const READ_DEADLINE_MS = 30_000;
/** One request to an origin, its retries apart. */
export const ORIGIN_ATTEMPT_MS = 10_000;
/** Opening a connection, including its handshake. */
export const CONNECT_MS = 3_000;

const relations: [boolean, string][] = [
  [PAGE_BYTES % SECTOR_BYTES === 0, 'a page is whole sectors'],
  [DEFAULT_BLOCK_BYTES % PAGE_BYTES === 0, 'a block is whole pages'],
  [MAX_BLOCK_BYTES % PAGE_BYTES === 0, 'the largest block is whole pages'],
  [MAX_READ_BYTES <= MAX_PAYLOAD_BYTES, 'an answer from memory fits one frame'],
  [MAX_LEND_RANGES * 32 <= MAX_BODY_BYTES, 'a LEND of 32 bytes a range fits one frame'],
  [HEARTBEAT_MS * 3 < LEASE_MS, 'a lease outlives three lost heartbeats'],
  [CONNECT_MS + WORKER_ATTEMPT_MS < READ_DEADLINE_MS, 'a dead worker leaves time for another'],
  [ORIGIN_ATTEMPT_MS < READ_DEADLINE_MS, 'the origin is tried within one read'],
  [LEASE_MS < MASTER_DEADLINE_MS, 'a call to the master outlives one lease'],
];
for (const [holds, relation] of relations) {
  if (!holds) throw new Error(`limits: it does not hold that ${relation}`);
}
