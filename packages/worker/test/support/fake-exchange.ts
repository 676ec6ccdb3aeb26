import { crc32 } from 'node:zlib';
import { isHotReply, type TidecacheError } from '@tidecache/protocol';
import type { Exchange, ReplyPayload, ServerConnection } from '@tidecache/transport';

export interface Frame {
  readonly body: Uint8Array;
  readonly payload: ReplyPayload;
  readonly more: boolean;
  sent: boolean;
}

/** A client's connection, which the test closes. */
export class FakeConnection implements ServerConnection {
  lingers = false;
  readonly #listeners: (() => void)[] = [];

  constructor(readonly remote = 'a client') {}

  push(): void {}

  onClose(listener: () => void): void {
    this.#listeners.push(listener);
  }

  linger(): void {
    this.lingers = true;
  }

  destroy(): void {
    for (const listener of this.#listeners.splice(0)) listener();
  }
}

/** One request, as the transport gives it; its replies are sent when the test says so. */
export class FakeExchange implements Exchange {
  readonly payload = Buffer.alloc(0);
  readonly deadlineAt = Number.MAX_SAFE_INTEGER;
  readonly connection: ServerConnection;
  /** Where the bytes are, of an answer that lends them. */
  mapped: Buffer | undefined;
  readonly frames: Frame[] = [];
  /** What was sent, copied when it was. */
  readonly received: Buffer[] = [];
  signsOfLife = 0;
  abandoned = false;
  ended = false;
  error: TidecacheError | undefined;
  readonly #listeners: (() => void)[] = [];

  constructor(
    readonly opcode: number,
    readonly body: Buffer,
    /** Frames are sent as they are replied. */
    readonly autoSend = true,
    connection: ServerConnection = new FakeConnection(),
  ) {
    this.connection = connection;
  }

  /** Whether the reply said that many read the file in step. */
  get hot(): boolean {
    return this.frames.some(({ body }) => isHotReply(body));
  }

  /** Answered with no more than that many read the file in step. */
  get referred(): boolean {
    return this.mapped !== undefined && isHotReply(this.mapped);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.received);
  }

  onAbandoned(listener: () => void): void {
    this.#listeners.push(listener);
  }

  reply(body: Uint8Array, payload?: ReplyPayload, options?: { more?: boolean }): void {
    if (this.ended) throw new Error('replied after the end');
    if (!payload && options?.more) {
      this.signsOfLife++;
      return;
    }
    if (!payload) {
      if (body.length === 0) throw new Error('a READ without bytes');
      this.mapped = Buffer.from(body);
      this.ended = true;
      return;
    }
    const frame = { body, payload, more: options?.more === true, sent: false };
    this.frames.push(frame);
    if (!frame.more) this.ended = true;
    if (this.autoSend) this.send();
  }

  fail(error: TidecacheError): void {
    if (this.ended) throw new Error('failed after the end');
    this.error = error;
    this.ended = true;
  }

  /** Sends what waits, checking the checksum as a client does. */
  send(): void {
    for (const frame of this.frames) {
      if (frame.sent) continue;
      frame.sent = true;
      const bytes = Buffer.concat(frame.payload.parts);
      if (frame.payload.crc !== crc32(bytes)) throw new Error('the checksum does not agree');
      this.received.push(bytes);
      frame.payload.onSent?.();
    }
  }

  /** As the transport does it: what is not sent is dropped first, then the handler hears of it. */
  abandon(): void {
    if (this.ended) return;
    this.abandoned = true;
    this.ended = true;
    for (const frame of this.frames) {
      if (!frame.sent) frame.payload.onSent?.();
      frame.sent = true;
    }
    for (const listener of this.#listeners) listener();
  }
}
