/** What a server may be told to do wrong, and how the answer is sent, right or wrong. */
import type { ServerResponse } from 'node:http';
import type { Answer } from './request.js';

export type Fault =
  /** An error of this status, with the code that fits unless another is given. */
  | `status:${number}`
  | `status:${number}:${string}`
  /** The connection is cut before the headers, or half-way through the body. */
  | 'reset'
  | 'reset-body'
  /** No answer at all, or headers and half of the body, and then nothing. */
  | 'hang'
  | 'stall'
  /** The body in small pieces, 20 ms apart. */
  | 'slow'
  /** Half of the bytes, or one more, with a content-length that says so; or chunked, so that nothing says so. */
  | 'short'
  | 'long'
  | 'short-chunked'
  | 'long-chunked'
  /** Another ETag than the object's, none, or another range than asked for. */
  | 'wrong-etag'
  | 'no-etag'
  | 'wrong-range'
  /** The whole object with 200. */
  | 'ignore-range'
  /** The right number of bytes, one of them flipped. Nothing in the protocol shows it. */
  | 'corrupt';

/** A socket takes this much at a time. */
const PIECE_BYTES = 256 * 1024;
const SLOW_PIECES = 16;
const SLOW_PAUSE_MS = 20;

export interface SendOptions {
  readonly fault: Fault | undefined;
  readonly headOnly: boolean;
  readonly bytesPerSecond: number | undefined;
  /** Bytes that went out. */
  readonly onSent: (bytes: number) => void;
}

/** Sends an answer; ends when it is out, or the other side left. */
export async function send(response: ServerResponse, answer: Answer, options: SendOptions): Promise<void> {
  const { fault } = options;
  if (fault === 'hang') return;
  if (fault === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  const headers: Record<string, string> = { ...answer.headers };
  const body = bodyOf(answer, fault);
  if (fault === 'wrong-etag') headers.etag = '"00000000000000000000000000000000"';
  if (fault === 'no-etag') delete headers.etag;
  if (fault === 'wrong-range') {
    headers['content-range'] = (headers['content-range'] ?? '').replace(
      /\d+/,
      (start) => `${Number(start) + 1}`,
    );
  }
  const chunked = fault === 'short-chunked' || fault === 'long-chunked';
  if (answer.status !== 204 && answer.status !== 304 && !chunked) headers['content-length'] = `${body.size}`;
  response.writeHead(answer.status, headers);
  if (options.headOnly || answer.status === 204 || answer.status === 304) {
    response.end();
    return;
  }
  const stopAt = fault === 'reset-body' || fault === 'stall' ? Math.floor(body.size / 2) : body.size;
  const pieceBytes = pieceBytesOf(body.size, options);
  for (let at = 0; at < stopAt && !response.destroyed; at += pieceBytes) {
    const piece = body.slice(at, Math.min(at + pieceBytes, stopAt));
    if (options.bytesPerSecond) await pause((piece.length / options.bytesPerSecond) * 1000);
    options.onSent(piece.length);
    if (!response.write(piece)) await drained(response);
    if (fault === 'slow') await pause(SLOW_PAUSE_MS);
  }
  if (fault === 'stall') return;
  if (fault === 'reset-body') response.socket?.resetAndDestroy();
  else response.end();
}

function pieceBytesOf(size: number, { fault, bytesPerSecond }: SendOptions): number {
  if (fault === 'slow') return Math.max(1, Math.ceil(size / SLOW_PIECES));
  // Twenty pieces a second.
  return bytesPerSecond ? Math.max(1, Math.min(PIECE_BYTES, Math.ceil(bytesPerSecond / 20))) : PIECE_BYTES;
}

function bodyOf(
  answer: Answer,
  fault: Fault | undefined,
): { size: number; slice(start: number, end: number): Buffer } {
  const body = Buffer.isBuffer(answer.body)
    ? wholeOf(answer.body)
    : (answer.body ?? wholeOf(Buffer.alloc(0)));
  if (fault === 'short' || fault === 'short-chunked')
    return { ...body, size: Math.floor(body.size / 2), slice: body.slice };
  if (fault === 'long' || fault === 'long-chunked') {
    return {
      size: body.size + 1,
      slice: (start, end) =>
        Buffer.concat([body.slice(start, Math.min(end, body.size)), Buffer.alloc(end > body.size ? 1 : 0)]),
    };
  }
  if (fault === 'corrupt') {
    return {
      size: body.size,
      slice(start, end) {
        const bytes = Buffer.from(body.slice(start, end));
        if (start === 0 && bytes.length > 0) bytes[0] = (bytes[0] ?? 0) ^ 0xff;
        return bytes;
      },
    };
  }
  return { size: body.size, slice: (start, end) => body.slice(start, end) };
}

const wholeOf = (bytes: Buffer) => ({
  size: bytes.length,
  slice: (start: number, end: number) => bytes.subarray(start, end),
});

const drained = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The code that goes with a status. */
export const CODES: Readonly<Record<number, string>> = {
  400: 'InvalidRequest',
  403: 'AccessDenied',
  404: 'NoSuchKey',
  409: 'OperationAborted',
  412: 'PreconditionFailed',
  416: 'InvalidRange',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'SlowDown',
};
