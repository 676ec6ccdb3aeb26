/** A request's body: unframed where the SDK frames it (aws-chunked), and compared with every hash that came along. */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { crc32 } from 'node:zlib';
import { ApiError, header } from './request.js';
import { sha256 } from './sigv4.js';

export function checkedPayload(headers: IncomingHttpHeaders, raw: Buffer): Buffer {
  const kind = header(headers, 'x-amz-content-sha256') ?? 'UNSIGNED-PAYLOAD';
  let body = raw;
  if (kind === 'STREAMING-UNSIGNED-PAYLOAD-TRAILER') body = unframe(headers, raw);
  else if (kind.startsWith('STREAMING-'))
    throw new ApiError(501, 'NotImplemented', `${kind} is not taken here`);
  else if (kind !== 'UNSIGNED-PAYLOAD' && kind !== sha256(raw)) {
    throw new ApiError(
      400,
      'XAmzContentSHA256Mismatch',
      'The provided x-amz-content-sha256 is not the body’s.',
    );
  }
  const md5 = header(headers, 'content-md5');
  if (md5 !== undefined && md5 !== createHash('md5').update(body).digest('base64')) {
    throw new ApiError(400, 'BadDigest', 'The Content-MD5 you specified did not match what we received.');
  }
  checkCrc(header(headers, 'x-amz-checksum-crc32'), body);
  return body;
}

/** `hex-size CRLF bytes CRLF … 0 CRLF trailers CRLF`. */
function unframe(headers: IncomingHttpHeaders, raw: Buffer): Buffer {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const end = raw.indexOf('\r\n', at);
    const size = end < 0 ? Number.NaN : Number.parseInt(raw.toString('latin1', at, end), 16);
    if (Number.isNaN(size) || end + 2 + size > raw.length)
      throw new ApiError(400, 'IncompleteBody', 'Bad aws-chunked body');
    at = end + 2;
    if (size === 0) break;
    chunks.push(raw.subarray(at, at + size));
    at += size + 2;
  }
  const body = Buffer.concat(chunks);
  if (Number(header(headers, 'x-amz-decoded-content-length')) !== body.length) {
    throw new ApiError(400, 'IncompleteBody', 'x-amz-decoded-content-length is not the body’s length');
  }
  const trailers = new Map(
    raw
      .toString('latin1', at)
      .split('\r\n')
      .filter((line) => line.includes(':'))
      .map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
  );
  for (const name of (header(headers, 'x-amz-trailer') ?? '').split(',').filter((text) => text !== '')) {
    if (name !== 'x-amz-checksum-crc32')
      throw new ApiError(501, 'NotImplemented', `The trailer ${name} is not taken here`);
    checkCrc(trailers.get(name) ?? '', body);
  }
  return body;
}

function checkCrc(claimed: string | undefined, body: Buffer): void {
  if (claimed === undefined) return;
  const actual = Buffer.alloc(4);
  actual.writeUInt32BE(crc32(body));
  if (actual.toString('base64') !== claimed) {
    throw new ApiError(400, 'BadDigest', 'The CRC32 you specified did not match what we received.');
  }
}
