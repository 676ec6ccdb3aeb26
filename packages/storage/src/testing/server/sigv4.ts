/**
 * Signature Version 4 for S3, computed anew from the request as it came.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Credentials } from '../../credentials.js';
import { ApiError, type ApiRequest, encode, header } from './request.js';

export interface Keyring {
  readonly credentials: Credentials;
  readonly region: string;
  readonly now: () => number;
}

const SHAPE =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;
const MAX_SKEW_MS = 15 * 60_000;

/** Throws the refusal that S3 gives. */
export function verifySigV4(request: Omit<ApiRequest, 'body'>, keyring: Keyring): void {
  const authorization = header(request.headers, 'authorization');
  if (authorization === undefined) throw new ApiError(403, 'AccessDenied', 'Anonymous access is not allowed');
  const match = SHAPE.exec(authorization);
  if (!match)
    throw new ApiError(400, 'AuthorizationHeaderMalformed', 'The authorization header is malformed');
  const [, accessKeyId = '', date = '', region = '', service = '', signedNames = '', signature = ''] = match;
  const { credentials } = keyring;
  if (accessKeyId !== credentials.accessKeyId) {
    throw new ApiError(
      403,
      'InvalidAccessKeyId',
      'The AWS Access Key Id you provided does not exist in our records.',
    );
  }
  const stamp = header(request.headers, 'x-amz-date') ?? '';
  checkTime(stamp, date, keyring.now());
  if (region !== keyring.region || service !== 's3') {
    const wrong = `the region '${region}' is wrong; expecting '${keyring.region}'`;
    throw new ApiError(
      400,
      'AuthorizationHeaderMalformed',
      `The authorization header is malformed; ${wrong}`,
    );
  }
  if (header(request.headers, 'x-amz-security-token') !== credentials.sessionToken) {
    throw new ApiError(400, 'InvalidToken', 'The provided token is malformed or otherwise invalid.');
  }
  const signed = signedNames.split(';');
  requireSigned(request, signed);
  const canonical = [
    request.method,
    encodePath(request.rawPath),
    canonicalQuery(request.query, (name, value) => `${name}=${value}`),
    ...signed.map((name) => `${name}:${(header(request.headers, name) ?? '').trim().replace(/ +/g, ' ')}`),
    '',
    signedNames,
    header(request.headers, 'x-amz-content-sha256') ?? '',
  ].join('\n');
  const scope = `${date}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', stamp, scope, sha256(canonical)].join('\n');
  const key = ['s3', 'aws4_request'].reduce(
    hmac,
    hmac(hmac(`AWS4${credentials.secretAccessKey}`, date), region),
  );
  if (!equal(hmac(key, text).toString('hex'), signature)) {
    throw new ApiError(
      403,
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided.',
    );
  }
}

/** S3 refuses headers of its own that a signature leaves open. */
function requireSigned(request: Omit<ApiRequest, 'body'>, signed: readonly string[]): void {
  const needed = Object.keys(request.headers).filter((name) => name === 'host' || name.startsWith('x-amz-'));
  const open = [...needed, 'x-amz-content-sha256'].filter((name) => !signed.includes(name));
  if (open.length > 0) {
    throw new ApiError(
      403,
      'AccessDenied',
      `There were headers present in the request which were not signed: ${open}`,
    );
  }
}

/** `stamp` is 20261123T224500Z; `date` its day in the scope. */
export function checkTime(stamp: string, date: string, nowMs: number): void {
  const iso = stamp.replace(/^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/, '$1-$2-$3T$4:$5:$6Z');
  const stampMs = Date.parse(iso);
  if (Number.isNaN(stampMs) || !stamp.startsWith(date)) {
    throw new ApiError(403, 'AccessDenied', 'A valid date header is required');
  }
  if (Math.abs(stampMs - nowMs) > MAX_SKEW_MS) {
    throw new ApiError(
      403,
      'RequestTimeTooSkewed',
      'The difference between the request time and the current time is too large.',
    );
  }
}

/** Sorted by the encoded names' bytes. */
export function canonicalQuery(
  query: URLSearchParams,
  pair: (name: string, value: string) => string,
): string {
  return [...query]
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0))
    .map(([name, value]) => pair(name, value))
    .join('&');
}

export const encodePath = (rawPath: string): string =>
  rawPath
    .split('/')
    .map((part) => encode(decodeURIComponent(part)))
    .join('/');

export const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
export const hmac = (key: string | Buffer, data: string): Buffer =>
  createHmac('sha256', key).update(data).digest();
export const equal = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
