import { EMPTY_BODY, type FrameHeader, TidecacheError } from '@tidecache/protocol';
import type { Reply, RequestOptions } from '../api.js';
import type { TimerEntry } from '../timer-wheel.js';

/** One request from its call to its settling: first waiting, then on the wire. */
export class Pending implements TimerEntry {
  dueAt = 0;
  previous: TimerEntry | undefined;
  next: TimerEntry | undefined;
  /** 0 while waiting. */
  requestId = 0;
  settled = false;
  /** When something of it last happened: the call, then each arrival. */
  lastAt: number;
  /** Payload bytes that have come in whole frames. */
  receivedBytes = 0;
  readonly startedAt: number;
  readonly deadlineAt: number;
  /** What to end with once the socket has let go of `into`. */
  ending: TidecacheError | undefined;
  onAbort: (() => void) | undefined;
  #parts: Uint8Array[] = [];

  constructor(
    readonly opcode: number,
    readonly requestBody: Uint8Array,
    readonly options: RequestOptions,
    now: number,
    readonly resolve: (reply: Reply) => void,
    readonly reject: (error: TidecacheError) => void,
    private readonly onDue: (pending: Pending) => void,
  ) {
    this.startedAt = now;
    this.lastAt = now;
    this.deadlineAt = now + options.deadlineMs;
  }

  expire(): void {
    this.onDue(this);
  }

  /** When the deadline or the silence ends, whichever is first. */
  nextDueAt(): number {
    const { silenceMs } = this.options;
    return silenceMs === undefined ? this.deadlineAt : Math.min(this.deadlineAt, this.lastAt + silenceMs);
  }

  /** Bytes that its reply may still bring, by its `into`. */
  get dueBytes(): number {
    const { into } = this.options;
    return into === undefined ? 0 : into.length - this.receivedBytes;
  }

  /** Where the next payload goes; undefined when the reply is longer than what was asked for. */
  payloadTarget(header: FrameHeader, mostBytes: number): Uint8Array | undefined {
    const end = this.receivedBytes + header.payloadBytes;
    const { into } = this.options;
    if (into !== undefined) return end > into.length ? undefined : into.subarray(this.receivedBytes, end);
    return end > mostBytes ? undefined : Buffer.allocUnsafe(header.payloadBytes);
  }

  /** A whole payload arrived and its checksum agrees. */
  accept(payload: Uint8Array): void {
    if (payload.length === 0) return;
    this.receivedBytes += payload.length;
    if (this.options.into === undefined) this.#parts.push(payload);
    else this.options.onProgress?.(this.receivedBytes);
  }

  /** Starts over on another connection. */
  rewind(): void {
    this.requestId = 0;
    this.receivedBytes = 0;
    this.#parts = [];
  }

  replyOf(body: Buffer): Reply {
    const own = body.length === 0 ? EMPTY_BODY : Buffer.from(body);
    const payloadBytes = this.receivedBytes;
    if (this.options.into !== undefined) return { body: own, payloadBytes };
    const [first, ...rest] = this.#parts;
    if (first === undefined) return { body: own, payloadBytes, payload: EMPTY_BODY };
    const payload =
      rest.length > 0
        ? Buffer.concat(this.#parts)
        : Buffer.from(first.buffer, first.byteOffset, first.length);
    return { body: own, payloadBytes, payload };
  }

  /** Why it ends when its time is over. */
  timeoutError(where: string, now: number, state: string): TidecacheError {
    const { silenceMs } = this.options;
    const silent = silenceMs !== undefined && now < this.deadlineAt;
    const what = silent
      ? `no byte for ${silenceMs} ms`
      : `no whole reply within ${this.options.deadlineMs} ms`;
    return new TidecacheError('TIMEOUT', `${where}: ${what} (${state})`);
  }
}
