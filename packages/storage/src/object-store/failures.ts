/**
 * What the SDKs, our own GETs and HTTP answers throw, as one of our errors: what failed, on what, why, what to do.
 */
import { type ErrorCode, TidecacheError } from '@tidecache/protocol';

/** An HTTP answer that is no success, from a request of our own. */
export class HttpFailure extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export interface FailureContext {
  /** `read s3://bucket/key`. */
  readonly doing: string;
  readonly bucket: string;
  readonly endpoint: string;
  /** The request was bound to a version: an object that is gone, or another, is STALE. */
  readonly pinned?: boolean;
  /** The request was to create. */
  readonly ifAbsent?: boolean;
}

interface Facts {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

export function asFailure(thrown: unknown, context: FailureContext): TidecacheError {
  if (thrown instanceof TidecacheError) return thrown;
  const facts = factsOf(thrown);
  const [code, why, fix] = facts.status >= 300 ? fromStatus(facts, context) : fromNetwork(facts, context);
  const hint = fix ? ` (${fix})` : '';
  return new TidecacheError(code, `cannot ${context.doing}: ${why}${hint}`, { cause: thrown });
}

/** Reads the shapes of @aws-sdk ($metadata, name), ali-oss (status, code), HttpError and Node (code). */
function factsOf(thrown: unknown): Facts {
  const error = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as Record<string, unknown>;
  const metadata = error.$metadata as { httpStatusCode?: number } | undefined;
  const status = metadata?.httpStatusCode ?? (typeof error.status === 'number' ? error.status : 0);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const code = String(error.Code ?? error.code ?? error.name ?? '');
  if (status < 300) {
    // The SDKs wrap what the socket said.
    const cause = error.cause ?? (error.errors as unknown[] | undefined)?.[0];
    if (!NETWORK.has(code) && typeof cause === 'object' && cause !== null) return factsOf(cause);
    // ali-oss keeps of the socket's error the message alone.
    const named = NETWORK.has(code) ? undefined : /\bE[A-Z_]{3,}\b/.exec(message)?.[0];
    if (named && NETWORK.has(named)) return { status, code: named, message };
  }
  return { status, code, message };
}

type Verdict = readonly [ErrorCode, string, string];

function fromStatus({ status, code, message }: Facts, context: FailureContext): Verdict {
  const said = code && code !== 'UnknownError' && code !== 'Unknown' ? `${status} ${code}` : `${status}`;
  const why = message && message !== code && message !== 'UnknownError' ? `${said}, ${message}` : said;
  if (code === 'NoSuchBucket') {
    return [
      'NOT_FOUND',
      `${said}: there is no bucket ${context.bucket} at ${context.endpoint}`,
      'check the URI, the endpoint and the region',
    ];
  }
  if (REFUSED.has(code) || status === 401 || status === 403) {
    return ['ACCESS_DENIED', `${said} for bucket ${context.bucket}`, REFUSED.get(code) ?? REFUSED_FIX];
  }
  if (WRONG_REGION.has(code) || status === 301 || status === 307) {
    return ['INVALID', why, "the bucket is elsewhere: set the dataset's region and endpoint"];
  }
  if (FULL.has(code) || status === 507) return ['NO_SPACE', why, 'the store is full or over its quota'];
  if (code === 'RequestTimeout' || status === 408) return ['TIMEOUT', why, ''];
  if (SLOW_DOWN.has(code) || status === 429 || status === 503)
    return ['BUSY', why, 'the origin asks for fewer requests'];
  switch (status) {
    case 404:
      return context.pinned ? ['STALE', `${said}: the object was deleted`, ''] : ['NOT_FOUND', said, ''];
    case 412:
      return context.ifAbsent
        ? ['ALREADY_EXISTS', `${said}: the key is there`, '']
        : ['STALE', `${said}: the object is another version by now`, ''];
    case 416:
      return ['STALE', `${said}: the object is shorter by now`, ''];
    case 409:
      return context.ifAbsent && code !== 'ConditionalRequestConflict'
        ? ['ALREADY_EXISTS', `${said}: the key is there`, '']
        : ['BUSY', why, ''];
    case 405:
    case 501:
      return ['UNSUPPORTED', why, 'the origin does not offer this'];
  }
  if (status >= 500) return ['ORIGIN_FAILED', why, ''];
  return ['INVALID', why, 'the origin refused the request itself: check the URI and the endpoint'];
}

function fromNetwork({ code, message }: Facts, context: FailureContext): Verdict {
  const where = context.endpoint;
  const network = NETWORK.get(code);
  if (network) return [network[0], `${code} at ${where}`, network[1]];
  if (/credential/i.test(code) || /credential/i.test(message)) {
    return [
      'ACCESS_DENIED',
      message,
      "give the dataset a credentials file, or this host the SDK's own configuration",
    ];
  }
  if (/^(ERR_TLS|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_SSL)/.test(code)) {
    return [
      'UNREACHABLE',
      `${code} at ${where}`,
      'check that the endpoint is https and its certificate is trusted',
    ];
  }
  if (/timeout/i.test(code)) return ['TIMEOUT', `${code} at ${where}`, ''];
  return ['ORIGIN_FAILED', `${message || code} at ${where}`, ''];
}

const REFUSED_FIX = "check the dataset's credentials and what they are allowed";
const REFUSED: ReadonlyMap<string, string> = new Map([
  ['AccessDenied', REFUSED_FIX],
  ['InvalidAccessKeyId', 'the access key is unknown there: check the credentials'],
  ['SignatureDoesNotMatch', 'the secret key is wrong: check the credentials'],
  ['RequestTimeTooSkewed', "this host's clock differs from the origin's: set it"],
  ['ExpiredToken', 'the session token has run out: renew the credentials'],
  ['InvalidToken', 'the session token is wrong: renew the credentials'],
  ['SecurityTokenExpired', 'the session token has run out: renew the credentials'],
  ['InvalidSecurityToken', 'the session token is wrong: renew the credentials'],
  ['TokenRefreshRequired', 'the session token has run out: renew the credentials'],
  ['AllAccessDisabled', 'the bucket is disabled'],
  ['AccountProblem', 'the account is disabled'],
  ['UserDisable', 'the account is disabled'],
]);
const WRONG_REGION = new Set([
  'AuthorizationHeaderMalformed',
  'PermanentRedirect',
  'IllegalLocationConstraintException',
  'InvalidRegionName',
]);
const SLOW_DOWN = new Set([
  'SlowDown',
  'Throttling',
  'TooManyRequests',
  'RequestLimitExceeded',
  'ServiceUnavailable',
]);
const FULL = new Set(['QuotaExceeded', 'XMinioStorageFull', 'InsufficientCapacity']);

const NO_HOST = 'check the endpoint and the name service';
const NO_SERVER = 'check the endpoint, and that it can be reached from this host';
const NETWORK: ReadonlyMap<string, readonly [ErrorCode, string]> = new Map([
  ['ECONNREFUSED', ['UNREACHABLE', NO_SERVER]],
  ['ENOTFOUND', ['UNREACHABLE', NO_HOST]],
  ['EAI_AGAIN', ['UNREACHABLE', NO_HOST]],
  ['EHOSTUNREACH', ['UNREACHABLE', NO_SERVER]],
  ['ENETUNREACH', ['UNREACHABLE', NO_SERVER]],
  ['EADDRNOTAVAIL', ['UNREACHABLE', 'this host has no free local port']],
  ['HTTP_CONNECT_TIMEOUT', ['UNREACHABLE', NO_SERVER]],
  ['ConnectionTimeoutError', ['UNREACHABLE', NO_SERVER]],
  ['ECONNRESET', ['ORIGIN_FAILED', 'the connection was cut']],
  ['EPIPE', ['ORIGIN_FAILED', 'the connection was cut']],
  ['HTTP_CUT', ['ORIGIN_FAILED', 'the connection was cut']],
  ['ETIMEDOUT', ['TIMEOUT', '']],
  ['TimeoutError', ['TIMEOUT', '']],
  ['ResponseTimeoutError', ['TIMEOUT', '']],
  ['HTTP_SILENCE', ['TIMEOUT', '']],
] as const);

/** The code and message of an error's XML body; the status' number when there is none. */
export function httpFailure(status: number, body: string): HttpFailure {
  const field = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(body)?.[1] ?? '';
  return new HttpFailure(status, field('Code'), field('Message'));
}
