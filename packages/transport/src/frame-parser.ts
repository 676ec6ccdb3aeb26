/**
 * Cuts a stream of bytes into frames, wherever it was split. Pure: no socket. Bytes come either by `push`, or by a
 * reader that asks `target` where the next bytes shall go and tells `received`: then a long payload lands in its
 * destination without a copy.
 */
import { crc32 } from 'node:zlib';
import {
  decodeHeader,
  EMPTY_BODY,
  type FrameHeader,
  HEADER_BYTES,
  TidecacheError,
} from '@tidecache/protocol';
import { DIRECT_BYTES, SCRATCH_BYTES } from './limits.js';

export interface Frame {
  readonly header: FrameHeader;
  /** A view of bytes that the next read may overwrite: copy to keep. */
  readonly body: Buffer;
  /** The destination that the sink gave, filled; empty without payload or without destination. */
  readonly payload: Uint8Array;
  /** Which checksum did not agree. The stream is still in step: headers have a checksum of their own. */
  readonly fault: 'body' | 'payload' | undefined;
}

export interface FrameSink {
  /** Asked before each frame: while true, bytes stay with the caller of `push`. */
  readonly paused: boolean;
  /** Where a frame's payload goes: `header.payloadBytes` at least. Undefined: it is thrown away as it comes. */
  payloadTarget(header: FrameHeader, body: Buffer): Uint8Array | undefined;
  /** Some of the payload came. */
  payloadProgress(header: FrameHeader): void;
  frame(frame: Frame): void;
}

const NO_PAYLOAD = new Uint8Array(0);

export class FrameParser {
  maxBodyBytes: number;
  maxPayloadBytes: number;
  readonly #sink: FrameSink;
  readonly #heldHeader = Buffer.alloc(HEADER_BYTES);
  #heldBytes = 0;
  #scratch: Buffer | undefined;
  #direct = false;
  #header: FrameHeader | undefined;
  #body: Buffer | undefined;
  #bodyAt = 0;
  #payload: Uint8Array | undefined;
  #payloadAt = 0;
  #crc = 0;
  #fault: Frame['fault'];

  constructor(sink: FrameSink, limits: { maxBodyBytes: number; maxPayloadBytes: number }) {
    this.#sink = sink;
    this.maxBodyBytes = limits.maxBodyBytes;
    this.maxPayloadBytes = limits.maxPayloadBytes;
  }

  /** True while the last `target` is the sink's own memory, which the reader may write to at any time. */
  get direct(): boolean {
    return this.#direct;
  }

  /** Where the next bytes shall be put. Valid until `received`. */
  target(): Uint8Array {
    const payload = this.#payload;
    if (payload !== undefined && this.#header !== undefined) {
      const due = this.#header.payloadBytes - this.#payloadAt;
      if (due >= DIRECT_BYTES) {
        this.#direct = true;
        return payload.subarray(this.#payloadAt, this.#payloadAt + due);
      }
    }
    this.#direct = false;
    this.#scratch ??= Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    return this.#scratch;
  }

  /** `bytes` have been put at the last `target`. Throws PROTOCOL: the connection must end. */
  received(bytes: number): void {
    if (!this.#direct) {
      this.push(this.#scratch!.subarray(0, bytes));
      return;
    }
    this.#direct = false;
    const payload = this.#payload;
    if (payload !== undefined) {
      this.#crc = crc32(payload.subarray(this.#payloadAt, this.#payloadAt + bytes), this.#crc);
    }
    this.#payloadCame(bytes);
  }

  /** The rest of the payload under way is thrown away. With `direct`, only after the next `received`. */
  discardPayload(): void {
    this.#payload = undefined;
  }

  /** Takes bytes in order; the answer is how many: fewer than given when the sink paused. Throws PROTOCOL. */
  push(chunk: Buffer): number {
    let at = 0;
    while (at < chunk.length) {
      const header = this.#header;
      if (header === undefined) {
        if (this.#heldBytes === 0 && this.#sink.paused) return at;
        at = this.#takeHeader(chunk, at);
      } else if (this.#bodyAt < header.bodyBytes) {
        at = this.#takeBody(header, chunk, at);
      } else {
        at = this.#takePayload(header, chunk, at);
      }
    }
    return at;
  }

  #takeHeader(chunk: Buffer, at: number): number {
    if (this.#heldBytes === 0 && chunk.length - at >= HEADER_BYTES) {
      this.#headerCame(decodeHeader(chunk, at));
      return at + HEADER_BYTES;
    }
    const bytes = Math.min(HEADER_BYTES - this.#heldBytes, chunk.length - at);
    chunk.copy(this.#heldHeader, this.#heldBytes, at, at + bytes);
    this.#heldBytes += bytes;
    if (this.#heldBytes === HEADER_BYTES) {
      this.#heldBytes = 0;
      this.#headerCame(decodeHeader(this.#heldHeader));
    }
    return at + bytes;
  }

  #headerCame(header: FrameHeader): void {
    if (header.bodyBytes > this.maxBodyBytes) throw tooLong('body', header.bodyBytes, this.maxBodyBytes);
    if (header.payloadBytes > this.maxPayloadBytes) {
      throw tooLong('payload', header.payloadBytes, this.maxPayloadBytes);
    }
    this.#header = header;
    this.#bodyAt = 0;
    this.#fault = undefined;
    if (header.bodyBytes === 0) this.#bodyCame(header, EMPTY_BODY);
  }

  #takeBody(header: FrameHeader, chunk: Buffer, at: number): number {
    if (this.#bodyAt === 0 && chunk.length - at >= header.bodyBytes) {
      this.#bodyAt = header.bodyBytes;
      this.#bodyCame(header, chunk.subarray(at, at + header.bodyBytes));
      return at + header.bodyBytes;
    }
    if (this.#bodyAt === 0) this.#body = Buffer.allocUnsafe(header.bodyBytes);
    const body = this.#body!;
    const bytes = Math.min(header.bodyBytes - this.#bodyAt, chunk.length - at);
    chunk.copy(body, this.#bodyAt, at, at + bytes);
    this.#bodyAt += bytes;
    if (this.#bodyAt === header.bodyBytes) this.#bodyCame(header, body);
    return at + bytes;
  }

  #bodyCame(header: FrameHeader, body: Buffer): void {
    const crc = body.length === 0 ? 0 : crc32(body);
    if (crc !== header.bodyCrc) this.#fault = 'body';
    this.#body = body;
    if (header.payloadBytes === 0) {
      this.#finish(header, NO_PAYLOAD);
      return;
    }
    this.#payloadAt = 0;
    this.#crc = 0;
    this.#payload = this.#sink.payloadTarget(header, body);
    // What comes next may overwrite the bytes that a view of a chunk shows.
    if (body.length > 0) this.#body = Buffer.from(body);
  }

  #takePayload(header: FrameHeader, chunk: Buffer, at: number): number {
    const bytes = Math.min(header.payloadBytes - this.#payloadAt, chunk.length - at);
    if (this.#payload !== undefined) {
      const part = chunk.subarray(at, at + bytes);
      this.#crc = crc32(part, this.#crc);
      this.#payload.set(part, this.#payloadAt);
    }
    this.#payloadCame(bytes);
    return at + bytes;
  }

  #payloadCame(bytes: number): void {
    const header = this.#header!;
    this.#payloadAt += bytes;
    this.#sink.payloadProgress(header);
    if (this.#payloadAt < header.payloadBytes) return;
    const payload = this.#payload;
    if (payload === undefined) {
      this.#finish(header, NO_PAYLOAD);
      return;
    }
    if (this.#crc !== header.payloadCrc) this.#fault ??= 'payload';
    this.#finish(header, payload.subarray(0, header.payloadBytes));
  }

  #finish(header: FrameHeader, payload: Uint8Array): void {
    const body = this.#body!;
    const fault = this.#fault;
    this.#header = undefined;
    this.#body = undefined;
    this.#payload = undefined;
    this.#sink.frame({ header, body, payload, fault });
  }
}

const tooLong = (what: string, bytes: number, most: number) =>
  new TidecacheError('PROTOCOL', `bad frame: ${what} of ${bytes} bytes, at most ${most} here`);
