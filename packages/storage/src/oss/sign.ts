/** Signs GETs with ali-oss's own V4 (OSS4-HMAC-SHA256) signer. */
import type { Credentials } from '../credentials.js';
import { encodePath, type SignedGet } from '../object-store/driver.js';
import type { OssClient } from './client.js';
import type { OssTarget } from './target.js';

/** What is signed beyond OSS's own headers: a range can't be changed on the way. */
const ADDITIONAL = ['if-match', 'range'] as const;

export function signGet(
  client: OssClient,
  { sessionToken }: Credentials,
  target: OssTarget,
  bucket: string,
  key: string,
  { range, ifMatch }: { range: string; ifMatch: string },
): SignedGet {
  const headers: Record<string, string> = {
    range,
    'if-match': ifMatch,
    // OSS compresses for who accepts it: offsets are of the object's own bytes.
    'accept-encoding': 'identity',
    'x-oss-content-sha256': 'UNSIGNED-PAYLOAD',
    'x-oss-date': basicDate(new Date()),
    ...(sessionToken !== undefined && { 'x-oss-security-token': sessionToken }),
  };
  headers.authorization = client.authorizationV4('GET', { headers }, bucket, key, ADDITIONAL);
  return { origin: target.origin, path: target.base + encodePath(key), headers };
}

/** ISO 8601's basic format, UTC: 20261123T224500Z. */
const basicDate = (date: Date): string => date.toISOString().replace(/[-:]|\.\d+/g, '');
