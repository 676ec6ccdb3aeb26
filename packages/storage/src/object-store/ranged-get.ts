/**
 * Block bytes: one signed GET with a range, each chunk copied to its place as it arrives. Nothing is buffered.
 */
import { TidecacheError } from '@tidecache/protocol';
import type { Dispatcher } from 'undici';
import { DATA_IDLE_MS, MAX_ERROR_BODY_BYTES } from '../limits.js';
import { cancelled, timedOut } from '../time-limit.js';
import { type SignedGet, versionOf } from './driver.js';
import { httpFailure } from './failures.js';

export interface RangedGet {
  readonly doing: string;
  readonly version: string;
  readonly offset: number;
  readonly length: number;
  /** Exactly `length` bytes. */
  readonly into: Uint8Array;
  /** Bytes of this GET that are in place. */
  readonly onBytes: (bytes: number) => void;
  readonly remainingMs: number;
  readonly signal: AbortSignal | undefined;
}

type Headers = Record<string, string | string[] | undefined>;

/**
 * Resolves when all bytes are in place. Rejects with STALE (the answer is of another version), CORRUPT (it is not the
 * range that was asked for, or too short or long), TIMEOUT, CANCELLED, or what failures.ts can read. After it has
 * settled nothing is written to `into`.
 */
export function rangedGet(dispatcher: Dispatcher, get: SignedGet, want: RangedGet): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined;
    let settled = false;
    let got = 0;
    let failedStatus = 0;
    let failedBody = '';
    let failedEtag = '';

    const settle = (error?: unknown) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      want.signal?.removeEventListener('abort', onAbort);
      if (error === undefined) resolve();
      else reject(error);
    };
    const stop = (error: TidecacheError) => {
      settle(error);
      controller?.abort(error);
    };
    const onAbort = () => stop(cancelled(want.doing, want.signal));
    const timer = setTimeout(() => stop(timedOut(want.doing, want.remainingMs)), want.remainingMs);
    if (want.signal?.aborted) return onAbort();
    want.signal?.addEventListener('abort', onAbort, { once: true });

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(control) {
        controller = control;
        // It waited for a connection, and nobody waits for it any more.
        if (settled) control.abort(new Error('no longer wanted'));
      },
      onResponseStart(_control, status, headers) {
        if (settled || status < 200) return;
        if (status >= 300) {
          failedStatus = status;
          failedEtag = header(headers, 'etag');
          return;
        }
        const problem = wrongAnswer(status, headers, want);
        if (problem) stop(problem);
      },
      onResponseData(_control, chunk) {
        if (settled) return;
        if (failedStatus !== 0) {
          if (failedBody.length < MAX_ERROR_BODY_BYTES) failedBody += chunk.toString('utf8');
          return;
        }
        if (got + chunk.length > want.length) {
          return stop(corrupt(want, `more than the ${want.length} bytes asked for`));
        }
        want.into.set(chunk, got);
        got += chunk.length;
        want.onBytes(got);
      },
      onResponseEnd() {
        if (failedStatus === 416 && failedEtag !== '' && versionOf(failedEtag) === want.version) {
          settle(corrupt(want, 'the range refused, though the version is the one asked for'));
        } else if (failedStatus !== 0) settle(httpFailure(failedStatus, failedBody));
        else if (got !== want.length) settle(corrupt(want, `${got} of ${want.length} bytes`));
        else settle();
      },
      onResponseError(_control, error) {
        settle(error);
      },
    };
    const idleMs = Math.min(DATA_IDLE_MS, want.remainingMs);
    try {
      dispatcher.dispatch(
        {
          origin: get.origin,
          path: get.path,
          method: 'GET',
          headers: get.headers,
          headersTimeout: idleMs,
          bodyTimeout: idleMs,
        },
        handler,
      );
    } catch (error) {
      settle(error);
    }
  });
}

function wrongAnswer(status: number, headers: Headers, want: RangedGet): TidecacheError | undefined {
  const etag = header(headers, 'etag');
  if (etag === '') return corrupt(want, 'no ETag: it is no object store, or a proxy is between');
  if (versionOf(etag) !== want.version) {
    return new TidecacheError(
      'STALE',
      `cannot ${want.doing}: it is version ${versionOf(etag)} by now, not ${want.version}`,
    );
  }
  const length = header(headers, 'content-length');
  if (length !== '' && Number(length) !== want.length) {
    return corrupt(want, `${length} bytes instead of the ${want.length} asked for`);
  }
  const range = header(headers, 'content-range');
  const wanted = `bytes ${want.offset}-${want.offset + want.length - 1}/`;
  // The whole object is the right answer to a range that is all of it.
  if (status === 200 && want.offset === 0 && length !== '') return undefined;
  if (status !== 206 || !range.startsWith(wanted)) {
    return corrupt(want, `${status} with ${range || 'no range'} instead of ${wanted}…`);
  }
  return undefined;
}

function header(headers: Headers, name: string): string {
  const value = headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

const corrupt = (want: RangedGet, got: string) =>
  new TidecacheError('CORRUPT', `cannot ${want.doing}: the origin answered with ${got}`);
