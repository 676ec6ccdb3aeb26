import {
  EMPTY_BODY,
  ERRORS,
  encodeBody,
  FLAG_MORE,
  FLAG_REPLY,
  type TidecacheError,
} from '@tidecache/protocol';
import type { Exchange, ReplyPayload, ServerConnection } from '../api.js';
import type { Frame } from '../frame-parser.js';
import type { FrameWriter } from '../frame-writer.js';
import type { TimerEntry } from '../timer-wheel.js';

/** What an error's message may take of its reply, in characters. */
const MAX_MESSAGE_CHARS = 8_000;

/** One request being served. */
export class ServedExchange implements Exchange, TimerEntry {
  dueAt = 0;
  previous: TimerEntry | undefined;
  next: TimerEntry | undefined;
  readonly opcode: number;
  readonly body: Buffer;
  readonly payload: Buffer;
  readonly deadlineAt: number;
  readonly requestId: number;
  abandoned = false;
  #ended = false;
  #listeners: (() => void)[] | undefined;

  constructor(
    frame: Frame,
    deadlineMs: number,
    readonly connection: ServerConnection,
    private readonly writer: FrameWriter,
    private readonly onEnd: (exchange: ServedExchange) => void,
  ) {
    this.opcode = frame.header.opcode;
    this.requestId = frame.header.requestId;
    this.body = frame.body;
    const { payload } = frame;
    this.payload =
      payload.length === 0 ? EMPTY_BODY : Buffer.from(payload.buffer, payload.byteOffset, payload.length);
    this.deadlineAt = Date.now() + deadlineMs;
  }

  onAbandoned(listener: () => void): void {
    if (this.abandoned) listener();
    else if (!this.#ended) {
      this.#listeners ??= [];
      this.#listeners.push(listener);
    }
  }

  reply(body: Uint8Array, payload?: ReplyPayload, options?: { more?: boolean }): void {
    // Nobody waits: the caller's memory is its own again at once.
    if (this.#ended) {
      payload?.onSent?.();
      return;
    }
    const more = options?.more === true;
    this.writer.send({
      flags: more ? FLAG_REPLY | FLAG_MORE : FLAG_REPLY,
      opcode: this.opcode,
      status: 0,
      requestId: this.requestId,
      deadlineMs: 0,
      body,
      parts: payload?.parts,
      payloadCrc: payload?.crc,
      onSent: payload?.onSent,
    });
    if (!more) this.#end();
  }

  fail(error: TidecacheError): void {
    if (this.#ended) return;
    this.writer.send({
      flags: FLAG_REPLY,
      opcode: this.opcode,
      status: ERRORS[error.code].wire,
      requestId: this.requestId,
      deadlineMs: 0,
      body: encodeBody({ message: error.message.slice(0, MAX_MESSAGE_CHARS) }),
    });
    this.#end();
  }

  /** Nobody waits for it any more: it is over, and its handler hears of it. */
  abandon(): void {
    if (this.#ended) return;
    this.abandoned = true;
    this.writer.drop(this.requestId);
    const listeners = this.#listeners;
    this.#end();
    for (const listener of listeners ?? []) listener();
  }

  /** The wheel's call, at its deadline. */
  expire(): void {
    this.abandon();
  }

  #end(): void {
    this.#ended = true;
    this.#listeners = undefined;
    this.onEnd(this);
  }
}
