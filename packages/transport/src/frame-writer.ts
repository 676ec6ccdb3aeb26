/**
 * Sends frames over a socket: those of one tick together, by one writev, payloads uncopied. At most one writev is
 * under way, so that its end tells that the reader lives, the header memory can be used again, and what is still
 * queued can be withdrawn.
 *
 * It goes past the socket's own queue, to the functions that this queue hands its chunks to: with one write at a time
 * there is nothing for it to keep, and where the kernel takes all bytes at once, as it mostly does, they are sent before
 * the call returns, rather than a turn of the tick queue later.
 */
import type { Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import {
  encodeHeader,
  HEADER_BYTES,
  MAX_BODY_BYTES,
  MAX_PAYLOAD_BYTES,
  TidecacheError,
} from '@tidecache/protocol';
import { BATCH_BYTES, BATCH_HEAD_BYTES, INLINE_BODY_BYTES } from './limits.js';

export interface OutFrame {
  readonly flags: number;
  readonly opcode: number;
  readonly status: number;
  readonly requestId: number;
  readonly deadlineMs: number;
  readonly body: Uint8Array;
  readonly parts?: readonly Uint8Array[] | undefined;
  /** CRC-32 of the parts joined, when known. */
  readonly payloadCrc?: number | undefined;
  /** Runs once: the kernel has the bytes, the frame was withdrawn, or the socket has closed. */
  readonly onSent?: (() => void) | undefined;
}

/** As `_writev` takes them. */
interface Chunk {
  readonly chunk: Uint8Array;
  readonly encoding: BufferEncoding;
}

/** What streams call the encoding of bytes; its type knows of those of text alone. */
const AS_IS = 'buffer' as BufferEncoding;
const NO_PARTS: readonly Uint8Array[] = [];

export class FrameWriter {
  readonly #socket: Socket;
  readonly #now: () => number;
  readonly #onDrain: () => void;
  #queue: OutFrame[] = [];
  #batch: OutFrame[] = [];
  #batchBytes = 0;
  #batchSince = 0;
  #queuedBytes = 0;
  /** Somebody flushes when this is over: a tick, whoever holds, or the flush under way. */
  #held = false;
  #closed = false;
  #head: Buffer | undefined;

  /** `onDrain` runs whenever a batch has gone. */
  constructor(socket: Socket, now: () => number, onDrain: () => void = () => {}) {
    this.#socket = socket;
    this.#now = now;
    this.#onDrain = onDrain;
  }

  /** Bytes not taken by the kernel yet. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** For how long the kernel has not finished taking the batch under way; 0 without one. */
  get stalledMs(): number {
    return this.#batch.length === 0 ? 0 : this.#now() - this.#batchSince;
  }

  /** Queues a frame; it goes at the end of this tick. Throws INVALID when it is longer than a frame may be. */
  send(frame: OutFrame): void {
    if (frame.body.length > MAX_BODY_BYTES) throw tooLong('body', frame.body.length, MAX_BODY_BYTES);
    const payloadBytes = lengthOf(frame.parts);
    if (payloadBytes > MAX_PAYLOAD_BYTES) throw tooLong('payload', payloadBytes, MAX_PAYLOAD_BYTES);
    if (this.#closed) {
      frame.onSent?.();
      return;
    }
    this.#queue.push(frame);
    this.#queuedBytes += frameBytes(frame);
    if (this.#held || this.#batch.length > 0) return;
    this.#held = true;
    process.nextTick(this.#flush);
  }

  /** Frames wait for `release`, so that those to what came in one read go together and at once. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#flush();
  }

  /** Withdraws the frames of a request that have not been handed to the kernel. True when there was one. */
  drop(requestId: number): boolean {
    const dropped = this.#queue.filter((frame) => frame.requestId === requestId);
    if (dropped.length === 0) return false;
    this.#queue = this.#queue.filter((frame) => frame.requestId !== requestId);
    for (const frame of dropped) {
      this.#queuedBytes -= frameBytes(frame);
      frame.onSent?.();
    }
    return true;
  }

  /** The socket has closed: nothing more is sent, and nobody's memory is in use any more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const rest = [...this.#batch, ...this.#queue];
    this.#batch = [];
    this.#queue = [];
    this.#queuedBytes = 0;
    for (const frame of rest) frame.onSent?.();
  }

  readonly #flush = (): void => {
    this.#held = true;
    while (this.#queue.length > 0 && this.#batch.length === 0 && !this.#socket.destroyed) {
      const chunks = this.#takeBatch();
      this.#batchSince = this.#now();
      if (chunks.length === 1) this.#socket._write(chunks[0]!.chunk, AS_IS, this.#sent);
      else this.#socket._writev!(chunks, this.#sent);
    }
    this.#held = false;
  };

  readonly #sent = (error?: Error | null): void => {
    if (error) this.#socket.destroy(error);
    // A socket that is destroyed closes, and `close` ends the batch: only then is its memory free.
    if (this.#socket.destroyed) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#queuedBytes -= this.#batchBytes;
    for (const frame of batch) frame.onSent?.();
    this.#onDrain();
    if (!this.#held) this.#flush();
  };

  /** Moves frames from the queue to the batch; the answer is their bytes, small ones merged. */
  #takeBatch(): Chunk[] {
    this.#head ??= Buffer.allocUnsafeSlow(BATCH_HEAD_BYTES);
    const head = this.#head;
    const chunks: Chunk[] = [];
    let headFrom = 0;
    let headAt = 0;
    let taken = 0;
    this.#batchBytes = 0;
    for (const frame of this.#queue) {
      const inline = frame.body.length <= INLINE_BODY_BYTES;
      const headBytes = HEADER_BYTES + (inline ? frame.body.length : 0);
      if (taken > 0 && (this.#batchBytes >= BATCH_BYTES || headAt + headBytes > head.length)) break;
      writeHeader(frame, head, headAt);
      if (inline) head.set(frame.body, headAt + HEADER_BYTES);
      headAt += headBytes;
      const parts = frame.parts ?? NO_PARTS;
      if (!inline || parts.length > 0) {
        chunks.push(chunkOf(head.subarray(headFrom, headAt)));
        headFrom = headAt;
        if (!inline) chunks.push(chunkOf(frame.body));
        for (const part of parts) if (part.length > 0) chunks.push(chunkOf(part));
      }
      this.#batchBytes += frameBytes(frame);
      taken++;
    }
    if (headAt > headFrom) chunks.push(chunkOf(head.subarray(headFrom, headAt)));
    this.#batch = this.#queue.splice(0, taken);
    return chunks;
  }
}

const chunkOf = (chunk: Uint8Array): Chunk => ({ chunk, encoding: AS_IS });

function writeHeader(frame: OutFrame, out: Buffer, at: number): void {
  const payloadBytes = lengthOf(frame.parts);
  encodeHeader(
    {
      flags: frame.flags,
      opcode: frame.opcode,
      status: frame.status,
      requestId: frame.requestId,
      deadlineMs: frame.deadlineMs,
      bodyBytes: frame.body.length,
      payloadBytes,
      bodyCrc: frame.body.length === 0 ? 0 : crc32(frame.body),
      payloadCrc: payloadBytes === 0 ? 0 : (frame.payloadCrc ?? crcOf(frame.parts!)),
    },
    out,
    at,
  );
}

function crcOf(parts: readonly Uint8Array[]): number {
  let crc = 0;
  for (const part of parts) crc = crc32(part, crc);
  return crc;
}

function lengthOf(parts: readonly Uint8Array[] | undefined): number {
  let bytes = 0;
  if (parts !== undefined) for (const part of parts) bytes += part.length;
  return bytes;
}

const frameBytes = (frame: OutFrame) => HEADER_BYTES + frame.body.length + lengthOf(frame.parts);

const tooLong = (what: string, bytes: number, most: number) =>
  new TidecacheError('INVALID', `cannot send a frame with a ${what} of ${bytes} bytes: at most ${most}`);
