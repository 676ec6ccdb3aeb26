/** The command's own limits, with units, and their relations. */

/** A configuration file. */
export const MAX_CONFIG_BYTES = 1024 * 1024;
/** A secret, in bytes of its file. */
export const MAX_SECRET_BYTES = 4096;
/** A shorter secret can be guessed from what the handshake shows. */
export const MIN_SECRET_CHARACTERS = 16;

/** One call to the master's HTTP API that the master answers from what it knows. */
export const API_DEADLINE_MS = 10_000;
/** One for which the master asks an origin: longer than the master's own patience (30 s), which has the better words. */
export const API_ORIGIN_DEADLINE_MS = 35_000;
/** An answer of the master's HTTP API. */
export const MAX_API_ANSWER_BYTES = 64 * 1024 * 1024;

/** From the first signal until a process that closes its own parts gives up and ends with status 1. */
export const CLOSE_MS = 10_000;
/** What a part that is just being made is waited for when the end has begun. */
export const START_GRACE_MS = 1_000;
/** The same as CLOSE_MS, for a child of `up`: a master and a worker grant requests in flight 2 s. */
export const SUPERVISED_CLOSE_MS = 4_000;
/** From asking a child to stop until it's killed. */
export const CHILD_STOP_MS = 4_500;
/** Stages in which `up` stops its children: the mount, the workers, the master. */
export const STOP_STAGES = 3;
/** The same as CLOSE_MS, for `up`. */
export const UP_CLOSE_MS = 15_000;

/** From starting a child until it must have said that it is ready. */
export const CHILD_READY_MS = 30_000;
/** Waiting before a child that died is started again: the first time, and at most (doubling in between). */
export const RESTART_MIN_MS = 250;
export const RESTART_MAX_MS = 15_000;
/** A child that ran this long starts from the shortest wait again. */
export const RESTART_FORGET_MS = 60_000;

/** Microseconds that a mount may be told to stay awake for the next small request. */
export const MAX_BUSY_POLL_US = 1_000;
/** Workers of one `up`. */
export const MAX_LOCAL_WORKERS = 64;
/** The path of a Unix-domain socket, in bytes, on Linux: sun_path less its final zero. */
export const MAX_UNIX_PATH_BYTES = 107;

const relations: [boolean, string][] = [
  [API_DEADLINE_MS < API_ORIGIN_DEADLINE_MS, 'asking an origin may take longer'],
  [START_GRACE_MS * 2 < SUPERVISED_CLOSE_MS, 'waiting for a start leaves time to close'],
  [SUPERVISED_CLOSE_MS < CHILD_STOP_MS, 'a child gives up before it is killed'],
  [STOP_STAGES * CHILD_STOP_MS < UP_CLOSE_MS, 'all stages of stopping fit the bound of the whole'],
  [RESTART_MAX_MS < RESTART_FORGET_MS, 'a child that dies at once never counts as recovered'],
];
for (const [holds, relation] of relations) {
  if (!holds) throw new Error(`limits: it does not hold that ${relation}`);
}
