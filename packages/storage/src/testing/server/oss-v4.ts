/**
 * OSS's V4 signature (OSS4-HMAC-SHA256), computed anew from the request as it came.
 * https://www.alibabacloud.com/help/en/oss/developer-reference/recommend-to-use-signature-version-4
 */
import { ApiError, type ApiRequest, encode, header } from './request.js';
import { canonicalQuery, checkTime, equal, hmac, type Keyring, sha256 } from './sigv4.js';

const SHAPE =
  /^OSS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/oss\/aliyun_v4_request,(?:AdditionalHeaders=([^,]+),)?Signature=([0-9a-f]{64})$/;

/** Throws the refusal that OSS gives. */
export function verifyOssV4(request: Omit<ApiRequest, 'body'>, keyring: Keyring): void {
  const match = SHAPE.exec(header(request.headers, 'authorization') ?? '');
  if (!match) throw new ApiError(400, 'InvalidArgument', 'Authorization header is invalid.');
  const [, accessKeyId = '', date = '', region = '', additional = '', signature = ''] = match;
  const { credentials } = keyring;
  if (accessKeyId !== credentials.accessKeyId) {
    throw new ApiError(
      403,
      'InvalidAccessKeyId',
      'The OSS Access Key Id you provided does not exist in our records.',
    );
  }
  const stamp = header(request.headers, 'x-oss-date') ?? '';
  checkTime(stamp, date, keyring.now());
  if (region !== keyring.region) {
    throw new ApiError(400, 'InvalidArgument', `Invalid signing region in Authorization header: ${region}`);
  }
  if (header(request.headers, 'x-oss-security-token') !== credentials.sessionToken) {
    throw new ApiError(403, 'InvalidSecurityToken', 'The security token you provided is invalid.');
  }
  const payload = header(request.headers, 'x-oss-content-sha256');
  if (payload !== 'UNSIGNED-PAYLOAD') {
    throw new ApiError(400, 'InvalidArgument', 'x-oss-content-sha256 must be UNSIGNED-PAYLOAD');
  }
  const more = additional === '' ? [] : additional.split(';');
  const missing = more.find((name) => request.headers[name] === undefined);
  if (missing) throw new ApiError(400, 'InvalidArgument', `The additional header ${missing} is not there`);
  const own = (name: string) =>
    name === 'content-type' || name === 'content-md5' || name.startsWith('x-oss-');
  const names = [...new Set([...Object.keys(request.headers).filter(own), ...more])].sort();
  const canonical = [
    request.method,
    `/${encode(request.bucket)}/${encode(request.key).replace(/%2F/g, '/')}`,
    canonicalQuery(request.query, (name, value) => (value === '' ? name : `${name}=${value}`)),
    `${names.map((name) => `${name}:${(header(request.headers, name) ?? '').trim()}\n`).join('')}`,
    additional,
    payload,
  ].join('\n');
  const scope = `${date}/${region}/oss/aliyun_v4_request`;
  const text = ['OSS4-HMAC-SHA256', stamp, scope, sha256(canonical)].join('\n');
  const steps = [region, 'oss', 'aliyun_v4_request'];
  const key = steps.reduce(hmac, hmac(`aliyun_v4${credentials.secretAccessKey}`, date));
  if (!equal(hmac(key, text).toString('hex'), signature)) {
    throw new ApiError(
      403,
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided.',
    );
  }
}
