/**
 * Sends frames over a socket: those of one tick together, by one writev, payloads uncopied. At most one writev is
 * under way, so that its end tells that the reader lives, the header memory can be used again, and what is still
 * queued can be withdrawn.
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
  #scheduled = false;
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
    if (this.#scheduled || this.#batch.length > 0) return;
    this.#scheduled = true;
    process.nextTick(this.#flush);
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
    this.#scheduled = false;
    if (this.#closed || this.#batch.length > 0 || this.#queue.length === 0) return;
    const chunks = this.#takeBatch();
    this.#batchSince = this.#now();
    const last = chunks.length - 1;
    if (last > 0) this.#socket.cork();
    for (let i = 0; i < last; i++) this.#socket.write(chunks[i]!);
    this.#socket.write(chunks[last]!, this.#sent);
    if (last > 0) this.#socket.uncork();
  };

  readonly #sent = (error?: Error | null): void => {
    // After an error the socket closes, and `close` ends the batch: only then is its memory free.
    if (error || this.#closed) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#queuedBytes -= this.#batchBytes;
    for (const frame of batch) frame.onSent?.();
    this.#onDrain();
    if (!this.#scheduled) this.#flush();
  };

  /** Moves frames from the queue to the batch; the answer is their bytes, small ones merged. */
  #takeBatch(): Uint8Array[] {
    this.#head ??= Buffer.allocUnsafeSlow(BATCH_HEAD_BYTES);
    const head = this.#head;
    const chunks: Uint8Array[] = [];
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
        chunks.push(head.subarray(headFrom, headAt));
        headFrom = headAt;
        if (!inline) chunks.push(frame.body);
        for (const part of parts) if (part.length > 0) chunks.push(part);
      }
      this.#batchBytes += frameBytes(frame);
      taken++;
    }
    if (headAt > headFrom) chunks.push(head.subarray(headFrom, headAt));
    this.#batch = this.#queue.splice(0, taken);
    return chunks;
  }
}

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
