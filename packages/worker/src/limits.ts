/**
 * The worker's own limits, with their units. Those that follow from the memory budget are made by {@link limitsFor}.
 */
import {
  CONNECT_MS,
  DEFAULT_BLOCK_BYTES,
  GiB,
  HEARTBEAT_MS,
  KiB,
  LEASE_MS,
  MAX_BLOCK_BYTES,
  MAX_LANES,
  MAX_READ_BYTES,
  MiB,
  ORIGIN_ATTEMPT_MS,
  PAGE_BYTES,
  READ_DEADLINE_MS,
  SECTOR_BYTES,
  WORKER_ATTEMPT_MS,
} from '@tidecache/protocol';

/** The unit of allocation: a sector, so that one checksum belongs to one unit. */
export const UNIT_BYTES = SECTOR_BYTES;
/** The largest piece of contiguous memory, and so the largest single read from an origin. */
export const MAX_EXTENT_BYTES = DEFAULT_BLOCK_BYTES;
/** One SharedArrayBuffer: Node 20 limits typed arrays to 4 GiB, and a slab must be one view. */
export const SLAB_BYTES = 1 * GiB;
/** Below this, the fills that a worker may have at once would not hold a few blocks. */
export const MIN_MEMORY_BYTES = 64 * MiB;

/** What a block costs beside its bytes, measured as resident memory: objects, and what their collector leaves. */
export const BLOCK_OVERHEAD_BYTES = 1.5 * KiB;
/** The share of the budget that this may take beside it. Beyond, it counts against the budget: see tiny files. */
export const OVERHEAD_SHARE = 0.05;

/** The share of memory that new blocks pass through before they have shown that they are read again. */
export const SMALL_QUEUE_SHARE = 0.1;
/** One remembered key of an evicted block for this many bytes of memory: bounds the ghost of a cache of tiny files. */
export const GHOST_GRAIN_BYTES = 16 * KiB;

/** One fill, its retries included: no reader waits longer than its own deadline anyway. */
export const FILL_DEADLINE_MS = READ_DEADLINE_MS;
/** How long a worker that is starting waits for a master that is not there yet: in Kubernetes all start at once. */
export const START_DEADLINE_MS = 60_000;
/** One call to the master. Short: a lost heartbeat is followed by the next. */
export const MASTER_CALL_MS = 2_000;
/** Between attempts to register, doubling from the first to the second. */
export const REGISTER_RETRY_MS = 250;
export const REGISTER_RETRY_MAX_MS = 5_000;
/** Requests in flight may take this long to end when the worker closes. */
export const CLOSE_GRACE_MS = 2_000;
/** A thread may take this long to close, then it is ended; to start, then the worker fails. */
export const LANE_CLOSE_MS = 3_000;
export const LANE_START_MS = 60_000;
/** How often a thread tells its counters: they are that old at most. */
export const LANE_STATS_MS = 100;
/** The HTTP server's: probes and scrapes are few and short. */
export const HTTP_CONNECTIONS = 64;
export const HTTP_TIMEOUT_MS = 5_000;

/** So many readers that begin a block within this time read its file in step: the file is hot. */
export const HOT_READERS = 6;
export const HEAT_WINDOW_MS = 2_000;
/** How long a block stays hot after the last of them. */
export const HOT_MS = 2_000;
/** How far ahead of its readers a hot file is copied, in groups of its spread: as long as the copies take, and again. */
export const COPY_AHEAD_GROUPS = 2;
/** The owners of so many groups ahead are dialled: where lines are full, three round trips take as many seconds. */
export const DIAL_AHEAD_GROUPS = 8;
/** One copy from a block's owner, and its silences; then the origin is asked. A dead owner leaves the ring before. */
export const COPY_DEADLINE_MS = 20_000;
export const COPY_SILENCE_MS = 4_000;

/** All memory is verified against its checksums in this time, */
export const SCRUB_SECONDS = 3_600;
/** but no more bytes of it in a second: about 0.5 % of one core. */
export const MAX_SCRUB_BYTES_PER_SECOND = 16 * MiB;
export const SCRUB_INTERVAL_MS = 250;
/** Who waits for an origin hears of this worker so often, and after twice that at the latest. */
export const SIGN_OF_LIFE_MS = 400;

/** Replies of at least this many bytes take turns, so many at a time. */
export const MIN_TURN_BYTES = 128 * KiB;
export const TURNS = 8;
/** A turn ends after as many times {@link SIGN_OF_LIFE_MS}, whether its bytes were taken or not. */
export const SLOW_TURN_LOOKS = 2;

/** Memory that one client on this host may look at, and the share of all of it that all such clients may. */
export const MAX_LEASED_BYTES = 128 * MiB;
/** Leases of one such client: about 100 bytes each here. */
export const MAX_LEASES = 65_536;
export const LEASED_SHARE = 0.25;
/** Of both of these, what is lent before anybody reads it: the rest is for who does. */
export const LENT_SHARE = 0.75;

/** What a worker takes on at once. Past any of these it answers BUSY, at once. */
export interface Limits {
  /** Reads from origins that run. */
  readonly runningFills: number;
  /** Fills that run or wait for their turn. */
  readonly fills: number;
  /** Memory of fills that run or wait: it can't be evicted. */
  readonly fillingBytes: number;
  /** READ_AHEAD may take this much of `fills` and `fillingBytes`: demand always finds room beside it. */
  readonly readAheadShare: number;
  /** Requests whose answer is not complete. */
  readonly exchanges: number;
  /** Bytes of replies handed to the transport and not sent yet. What a link can't take in a second is late anyway. */
  readonly sendingBytes: number;
}

/** The limits of one of `lanes` lanes, that has `memoryBytes`. */
export function limitsFor(memoryBytes: number, overrides: Partial<Limits> = {}, lanes = 1): Limits {
  return {
    runningFills: Math.ceil(64 / lanes),
    fills: Math.ceil(4096 / lanes),
    fillingBytes: Math.min(memoryBytes / 4, (1 * GiB) / lanes),
    readAheadShare: 0.5,
    exchanges: Math.ceil(8192 / lanes),
    sendingBytes: (2 * GiB) / lanes,
    ...overrides,
  };
}

const smallest = limitsFor(MIN_MEMORY_BYTES, {}, MAX_LANES);
const relations: [boolean, string][] = [
  [UNIT_BYTES === SECTOR_BYTES, 'a unit of memory is a sector'],
  [MAX_EXTENT_BYTES % PAGE_BYTES === 0, 'an extent is whole pages'],
  [Number.isInteger(Math.log2(MAX_EXTENT_BYTES / UNIT_BYTES)), 'an extent is a power of two of units'],
  [SLAB_BYTES % MAX_EXTENT_BYTES === 0, 'a slab is whole extents'],
  [MAX_BLOCK_BYTES % MAX_EXTENT_BYTES === 0, 'the largest block is whole extents'],
  [smallest.fillingBytes * smallest.readAheadShare >= MAX_EXTENT_BYTES, 'read-ahead can fill a block'],
  [MAX_EXTENT_BYTES <= MAX_READ_BYTES, 'a fill is copied by one READ'],
  [COPY_DEADLINE_MS < FILL_DEADLINE_MS, 'an owner that does not get on leaves time for the origin'],
  [SIGN_OF_LIFE_MS * 4 <= COPY_SILENCE_MS, 'an owner that waits for an origin is not taken for dead'],
  [CONNECT_MS < COPY_SILENCE_MS, 'an owner may first have to be dialled'],
  [ORIGIN_ATTEMPT_MS < FILL_DEADLINE_MS, 'a fill outlives one attempt at its origin'],
  [MASTER_CALL_MS + HEARTBEAT_MS < LEASE_MS, 'a heartbeat that hangs leaves time for the next'],
  [SIGN_OF_LIFE_MS * 4 <= WORKER_ATTEMPT_MS, 'a worker that waits for an origin is not taken for dead'],
  [MASTER_CALL_MS < START_DEADLINE_MS, 'a start outlives one call to the master'],
  [CLOSE_GRACE_MS < LANE_CLOSE_MS, 'a thread is ended after its requests had their time'],
  [LANE_STATS_MS < HEARTBEAT_MS, 'a heartbeat tells what has just been counted'],
];
for (const [holds, relation] of relations) {
  if (!holds) throw new Error(`limits: it does not hold that ${relation}`);
}
