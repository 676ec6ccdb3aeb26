import { type InodeRecord, TidecacheError } from '@tidecache/protocol';
import type { FileHandle, MaybePromise, Slices } from '../api.js';
import { MAX_READ_CALL_BYTES, READ_SHARE, SEGMENT_BYTES } from '../limits.js';
import type { OpenFile } from './open-file.js';
import { ReadAhead } from './read-ahead.js';
import type { Reader } from './reader.js';
import { NO_SLICES } from './slices.js';

export interface HandleInit {
  readonly file: OpenFile;
  readonly reader: Reader;
  readonly bufferBytes: number;
  readonly onClose: () => void;
}

/** An open file: where its reader was, over what all handles of the inode share. */
export class Handle implements FileHandle {
  readonly #init: HandleInit;
  readonly #file: OpenFile;
  readonly #readAhead: ReadAhead;
  readonly #maxReadBytes: number;
  #closed = false;

  constructor(init: HandleInit) {
    this.#init = init;
    this.#file = init.file;
    this.#readAhead = new ReadAhead(init.file.size, init.file.source.blockBytes);
    this.#maxReadBytes = Math.min(MAX_READ_CALL_BYTES, init.bufferBytes * READ_SHARE);
  }

  get inode(): InodeRecord {
    return this.#file.inode;
  }

  read(offset: number, length: number): MaybePromise<Slices> {
    this.#check(offset, length);
    const end = Math.min(offset + length, this.#file.size);
    if (offset >= end) return NO_SLICES;
    return this.#init.reader.read(this.#file, this.#readAhead, offset, end);
  }

  async readInto(into: Uint8Array, offset: number): Promise<number> {
    let at = 0;
    while (at < into.length) {
      // Up to the end of a segment each: a whole segment then is one part.
      const room = SEGMENT_BYTES - ((offset + at) % SEGMENT_BYTES);
      const slices = await this.read(offset + at, Math.min(room, into.length - at));
      try {
        if (slices.bytes === 0) break;
        for (const part of slices.parts) {
          into.set(part, at);
          at += part.length;
        }
      } finally {
        slices.release();
      }
    }
    return at;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#init.reader.end(this.#readAhead);
    this.#init.onClose();
  }

  #check(offset: number, length: number): void {
    const { key } = this.#file.source;
    if (this.#closed) throw new TidecacheError('INVALID', `cannot read ${key}: its handle is closed`);
    const { stale } = this.#file;
    if (stale) throw new TidecacheError('STALE', stale.message, { cause: stale });
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
      throw new TidecacheError(
        'INVALID',
        `cannot read ${length} bytes at ${offset} of ${key}: no such range`,
      );
    }
    if (length > this.#maxReadBytes) {
      throw new TidecacheError(
        'INVALID',
        `cannot read ${length} bytes of ${key} at once: at most ${this.#maxReadBytes} (use readInto)`,
      );
    }
  }
}
