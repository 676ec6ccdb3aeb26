/** The master's own limits, each with its unit. What others must agree on is in protocol's limits.ts. */
import {
  HEARTBEAT_MS,
  LEASE_MS,
  MASTER_DEADLINE_MS,
  MAX_BODY_BYTES,
  MAX_NAME_BYTES,
  ORIGIN_ATTEMPT_MS,
} from '@tidecache/protocol';

/** One call to an origin, its retries included. Leaves time to answer the client, who waits MASTER_DEADLINE_MS. */
export const ORIGIN_CALL_MS = ORIGIN_ATTEMPT_MS + 2_000;
/** Calls to origins at once, over all datasets. */
export const MAX_ORIGIN_CALLS = 256;
/** Calls waiting for one of those; more are refused as BUSY. */
export const MAX_WAITING_ORIGIN_CALLS = 16_384;

/** How long a name of a `once` dataset may be believed. */
export const ONCE_VALID_MS = 86_400_000;
/** Above the datasets: a push corrects it sooner. */
export const SYNTHETIC_VALID_MS = 60_000;
/** Served although it is too old, since the origin does not answer. */
export const STALE_VALID_MS = 1_000;
/** Names known to be absent, in memory. */
export const MAX_NEGATIVES = 65_536;
/** How long one is believed in a `once` dataset; in a `ttl` one for its ttl. */
export const NEGATIVE_VALID_MS = 1_000;
/** A reader that goes on with a listing sees what that listing found, for this long at least. */
export const CONTINUATION_MS = 5 * 60_000;

/** Names asked for in one page of an origin's listing; S3's and OSS's own limit. */
export const LISTING_PAGE_ENTRIES = 1_000;
/** Old names compared with a page in one transaction. */
export const MERGE_CHUNK_ENTRIES = 2_000;
/** A READDIR answer, before it is encoded: long keys end it sooner than its count of entries. */
export const READDIR_ANSWER_BYTES = 768 * 1024;
/** What an entry takes in an answer beside its texts. */
export const READDIR_ENTRY_BYTES = 160;

/** Ids that are set aside at a time, durably: a crash loses the rest of them, and none is given twice. */
export const ID_RESERVATION = 65_536;
/** The most that one transaction may take. */
export const MAX_IDS_PER_WRITE = 8_192;
/** How long commits may stay unflushed: what a power failure (not a crash) may take back, to be asked for again. */
export const FLUSH_MS = 1_000;

/** Records of replaced files are kept this long for the handles that hold them. */
export const RETIRED_KEEP_MS = 24 * 3_600_000;
/** Between two looks for records to sweep. */
export const SWEEP_MS = 10 * 60_000;
/** Records swept in one transaction. */
export const SWEEP_BATCH = 1_000;
/** The pause between two transactions of a sweep, so that requests come first. */
export const SWEEP_PAUSE_MS = 5;

/** Names or inodes in one INVALIDATE push. */
export const MAX_INVALIDATION_ENTRIES = 2_048;
/** Directories whose skipped keys were logged, kept so as to log each once. */
export const MAX_SKIP_LOGS = 10_000;
/** Clients and workers that take pushes. */
export const MAX_SUBSCRIBERS = 8_192;

/** The encoded ring, and the encoded dataset list: both go into one ATTACH reply. */
export const MAX_RING_BYTES = 480 * 1024;
export const MAX_DATASET_LIST_BYTES = 480 * 1024;

/** How often leases are looked at. */
export const LEASE_TICK_MS = 250;
/** A tick that is late by this much means that this process stood still: its workers' silence is not theirs. */
export const PAUSE_MS = 750;
/** What is left of a lease when the worker's connection breaks: it dials again sooner, if it lives. */
export const DISCONNECT_GRACE_MS = 1_000;

/** One HTTP request, to its answer. `POST /v1/datasets` waits for the origin. */
export const HTTP_REQUEST_MS = 30_000;
export const HTTP_BODY_BYTES = 64 * 1024;
/** What `close` grants requests in flight. */
export const CLOSE_GRACE_MS = 2_000;
/** Asking a socket in the data directory whether its master lives. */
export const LOCK_PROBE_MS = 1_000;

const relations: [boolean, string][] = [
  [ORIGIN_CALL_MS < MASTER_DEADLINE_MS, 'a client outwaits one call to the origin'],
  [READDIR_ANSWER_BYTES < MAX_BODY_BYTES, 'a READDIR answer fits a frame'],
  [
    MAX_INVALIDATION_ENTRIES * (MAX_NAME_BYTES + 64) < MAX_BODY_BYTES,
    'an invalidation fits a frame, whatever its names',
  ],
  [MAX_RING_BYTES + MAX_DATASET_LIST_BYTES < MAX_BODY_BYTES, 'ring and datasets fit one frame'],
  [LISTING_PAGE_ENTRIES <= MAX_IDS_PER_WRITE, 'a page of new names has ids'],
  [MAX_IDS_PER_WRITE * 2 <= ID_RESERVATION, 'a reservation outlasts a write'],
  [DISCONNECT_GRACE_MS > HEARTBEAT_MS, 'a worker that reconnects is heard in time'],
  [LEASE_TICK_MS + PAUSE_MS < LEASE_MS, 'a pause is noticed before leases end'],
];
for (const [holds, relation] of relations) {
  if (!holds) throw new Error(`master limits: it does not hold that ${relation}`);
}
