/**
 * The handles that are being read in streams: they share the memory for windows. One that has read its file to the end,
 * or was not read for a while, leaves its share to the others, though it is open: the kernel tells late, or never, that
 * a file was closed.
 */
import { STREAM_IDLE_MS } from '../limits.js';
import type { ReadAhead } from './read-ahead.js';

export class Streams {
  /** When each was read last, in that order. */
  readonly #readAt = new Map<ReadAhead, number>();

  get count(): number {
    return this.#readAt.size;
  }

  /** It has just been read. Times are milliseconds of a clock that never goes back. */
  read(readAhead: ReadAhead, now: number): void {
    this.#readAt.delete(readAhead);
    if (readAhead.streaming) this.#readAt.set(readAhead, now);
    for (const [oldest, readAt] of this.#readAt) {
      if (now - readAt <= STREAM_IDLE_MS) break;
      this.#readAt.delete(oldest);
    }
  }

  end(readAhead: ReadAhead): void {
    this.#readAt.delete(readAhead);
  }
}
