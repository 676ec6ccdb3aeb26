/** Takes the chunked transfer coding (RFC 9112, 7.1) off a body, wherever it was split. Trailers are thrown away. */
import { MAX_HEAD_BYTES } from '../limits.js';
import { malformed } from './errors.js';

const [CR, LF] = [13, 10];

export class ChunkedDecoder {
  #state: 'size' | 'data' | 'data-end' | 'trailer' | 'done' = 'size';
  #line = '';
  #lineBytes = 0;
  #left = 0;

  get done(): boolean {
    return this.#state === 'done';
  }

  /** Takes bytes until the body ends; how many it took. `onData` gets views of them. Throws HTTP_MALFORMED. */
  push(bytes: Buffer, onData: (data: Buffer) => void): number {
    let at = 0;
    while (at < bytes.length && this.#state !== 'done') {
      if (this.#state === 'data') {
        const data = bytes.subarray(at, at + this.#left);
        at += data.length;
        this.#left -= data.length;
        if (this.#left === 0) this.#state = 'data-end';
        onData(data);
      } else {
        this.#takeByte(bytes[at++]!);
      }
    }
    return at;
  }

  #takeByte(byte: number): void {
    if (byte !== LF) {
      if (++this.#lineBytes > MAX_HEAD_BYTES) throw malformed('a chunk without an end of line');
      this.#line += String.fromCharCode(byte);
      return;
    }
    if (this.#line.charCodeAt(this.#line.length - 1) !== CR)
      throw malformed('a line of a chunk ends with LF alone');
    const line = this.#line.slice(0, -1);
    this.#line = '';
    if (this.#state !== 'trailer') this.#lineBytes = 0;
    this.#takeLine(line);
  }

  #takeLine(line: string): void {
    if (this.#state === 'size') {
      const size = /^([\da-fA-F]{1,12})[ \t]*(?:;|$)/.exec(line)?.[1];
      if (size === undefined) throw malformed('a chunk without a size');
      this.#left = Number.parseInt(size, 16);
      this.#state = this.#left === 0 ? 'trailer' : 'data';
    } else if (this.#state === 'data-end') {
      if (line !== '') throw malformed('a chunk longer than its size');
      this.#state = 'size';
    } else if (line === '') {
      this.#state = 'done';
    }
  }
}
