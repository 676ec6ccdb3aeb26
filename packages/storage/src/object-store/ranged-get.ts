/**
 * Block bytes: one signed GET with a range, received straight into their place. Nothing is buffered.
 */
import { TidecacheError } from '@tidecache/protocol';
import type { HttpClient } from '../http/client.js';
import type { ResponseHead } from '../http/head.js';
import type { AnswerSink } from '../http/parser.js';
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

/**
 * Resolves when all bytes are in place. Rejects with STALE (the answer is of another version), CORRUPT (it is not the
 * range that was asked for, or too short or long), TIMEOUT, CANCELLED, or what failures.ts can read. After it has
 * settled nothing is written to `into`.
 */
export function rangedGet(client: HttpClient, get: SignedGet, want: RangedGet): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    if (want.signal?.aborted) throw cancelled(want.doing, want.signal);
    const answer = new RangeAnswer(want);
    const onEnd = (error?: Error) => {
      clearTimeout(timer);
      want.signal?.removeEventListener('abort', onAbort);
      const failure = error ?? answer.failure();
      if (failure) reject(failure);
      else resolve();
    };
    const callOff = client.get(get, {
      // Longer than what remains, it leaves the end to the deadline, which says so.
      silenceMs: DATA_IDLE_MS,
      sink: answer,
      onEnd,
    });
    const onAbort = () => callOff(cancelled(want.doing, want.signal));
    const timer = setTimeout(() => callOff(timedOut(want.doing, want.remainingMs)), want.remainingMs);
    want.signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Checks the answer to a ranged GET. What it throws ends the connection, and is what the GET fails with. */
class RangeAnswer implements AnswerSink {
  readonly #want: RangedGet;
  #got = 0;
  #failed: ResponseHead | undefined;
  #failedBody = '';

  constructor(want: RangedGet) {
    this.#want = want;
  }

  head(head: ResponseHead): Uint8Array | undefined {
    if (head.status >= 300) {
      this.#failed = head;
      return undefined;
    }
    const problem = wrongAnswer(head, this.#want);
    if (problem) throw problem;
    return typeof head.framing === 'object' ? this.#want.into : undefined;
  }

  filled(bytes: number): void {
    this.#got = bytes;
    this.#want.onBytes(bytes);
  }

  data(bytes: Buffer): void {
    if (this.#failed) {
      this.#failedBody += bytes.toString('utf8');
      if (this.#failedBody.length > MAX_ERROR_BODY_BYTES) throw this.failure();
      return;
    }
    const { into, length } = this.#want;
    if (this.#got + bytes.length > length) {
      throw corrupt(this.#want, `more than the ${length} bytes asked for`);
    }
    into.set(bytes, this.#got);
    this.filled(this.#got + bytes.length);
  }

  /** What is wrong with the answer, now that it is complete. */
  failure(): Error | undefined {
    const want = this.#want;
    if (this.#failed) {
      const { status, headers } = this.#failed;
      const isWanted = versionOf(headers.get('etag') ?? '') === want.version;
      return status === 416 && isWanted
        ? corrupt(want, 'the range refused, though the version is the one asked for')
        : httpFailure(status, this.#failedBody);
    }
    return this.#got === want.length ? undefined : corrupt(want, `${this.#got} of ${want.length} bytes`);
  }
}

function wrongAnswer(
  { status, headers, framing }: ResponseHead,
  want: RangedGet,
): TidecacheError | undefined {
  const etag = headers.get('etag') ?? '';
  if (etag === '') return corrupt(want, 'no ETag: it is no object store, or a proxy is between');
  if (versionOf(etag) !== want.version) {
    return new TidecacheError(
      'STALE',
      `cannot ${want.doing}: it is version ${versionOf(etag)} by now, not ${want.version}`,
    );
  }
  if (typeof framing === 'object' && framing.bytes !== want.length) {
    return corrupt(want, `${framing.bytes} bytes instead of the ${want.length} asked for`);
  }
  const range = headers.get('content-range') ?? '';
  const wanted = `bytes ${want.offset}-${want.offset + want.length - 1}/`;
  // The whole object is the right answer to a range that is all of it.
  if (status === 200 && want.offset === 0 && typeof framing === 'object') return undefined;
  if (status !== 206 || !range.startsWith(wanted)) {
    return corrupt(want, `${status} with ${range || 'no range'} instead of ${wanted}…`);
  }
  return undefined;
}

const corrupt = (want: RangedGet, got: string) =>
  new TidecacheError('CORRUPT', `cannot ${want.doing}: the origin answered with ${got}`);
