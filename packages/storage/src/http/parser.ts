/**
 * Reads one HTTP answer after another off a connection, wherever they were split. Pure: no socket. A reader asks `target`
 * where the next bytes shall go and tells `received`, so that a body of known length lands where it belongs without a
 * copy. Nothing but the body goes there: the target ends where the body does.
 */
import { MAX_HEAD_BYTES } from '../limits.js';
import { ChunkedDecoder } from './chunked.js';
import { malformed } from './errors.js';
import { parseHead, type ResponseHead } from './head.js';

export interface AnswerSink {
  /**
   * The head of the answer, not that of an interim one (1xx). Gives the place of a body whose length is known,
   * of that length; undefined: it comes by `data`.
   */
  head(head: ResponseHead): Uint8Array | undefined;
  /** The first `bytes` of the place are filled. */
  filled(bytes: number): void;
  /** More of a body that has no place. Valid during the call. */
  data(bytes: Buffer): void;
}

export class AnswerParser {
  readonly #scratch = Buffer.allocUnsafeSlow(MAX_HEAD_BYTES);
  #sink: AnswerSink | undefined;
  #headBytes = 0;
  #head: ResponseHead | undefined;
  #place: Uint8Array | undefined;
  #chunked: ChunkedDecoder | undefined;
  /** Bytes of the body so far; not counted when it is chunked. */
  #got = 0;

  /** The next answer goes to `sink`. Without one nobody waits: a place given before is written to no more. */
  begin(sink?: AnswerSink): void {
    this.#sink = sink;
    this.#headBytes = 0;
    this.#head = undefined;
    this.#place = undefined;
    this.#chunked = undefined;
    this.#got = 0;
  }

  /** The head of the answer under way, or of the last one. */
  get head(): ResponseHead | undefined {
    return this.#head;
  }

  /** Where the next bytes shall be put. Valid until `received` or `begin`. */
  target(): Uint8Array {
    if (this.#place && this.#got < this.#place.length) return this.#place.subarray(this.#got);
    return this.#head ? this.#scratch : this.#scratch.subarray(this.#headBytes);
  }

  /** `bytes`, one or more, are at the last target. True: the answer is complete. Throws HTTP_MALFORMED. */
  received(bytes: number): boolean {
    if (this.#place) {
      this.#got += bytes;
      this.#sink!.filled(this.#got);
      return this.#got === this.#place.length;
    }
    if (this.#head) return this.#takeBody(this.#head, this.#scratch.subarray(0, bytes));
    if (!this.#sink) throw malformed('bytes that nobody asked for');
    return this.#takeHead(bytes);
  }

  /** The connection has ended. True: and with it the answer. */
  ended(): boolean {
    return this.#head?.framing === 'close';
  }

  #takeHead(bytes: number): boolean {
    let scanned = Math.max(0, this.#headBytes - 3);
    this.#headBytes += bytes;
    for (;;) {
      const held = this.#scratch.subarray(0, this.#headBytes);
      const end = held.indexOf('\r\n\r\n', scanned, 'latin1');
      if (end < 0) break;
      const head = parseHead(held.toString('latin1', 0, end));
      if (head.status >= 200) return this.#begun(head, held.subarray(end + 4));
      if (head.status === 101) throw malformed('another protocol');
      this.#scratch.copyWithin(0, end + 4, this.#headBytes);
      this.#headBytes -= end + 4;
      scanned = 0;
    }
    if (this.#headBytes === MAX_HEAD_BYTES) throw malformed(`its head is over ${MAX_HEAD_BYTES} bytes`);
    return false;
  }

  /** `rest`: what came with the head. */
  #begun(head: ResponseHead, rest: Buffer): boolean {
    this.#head = head;
    const { framing } = head;
    const place = this.#sink!.head(head);
    if (framing === 'chunked') this.#chunked = new ChunkedDecoder();
    if (typeof framing === 'string' || framing.bytes === 0 || !place) {
      return rest.length > 0 ? this.#takeBody(head, rest) : isWhole(head, 0);
    }
    if (place.length !== framing.bytes) throw new Error('the place of a body is not of its length');
    if (rest.length > place.length) throw malformed('more bytes than its content-length');
    this.#place = place;
    if (rest.length === 0) return false;
    place.set(rest);
    return this.received(rest.length);
  }

  #takeBody(head: ResponseHead, bytes: Buffer): boolean {
    const onData = (data: Buffer) => this.#sink!.data(data);
    if (this.#chunked) {
      if (this.#chunked.push(bytes, onData) < bytes.length) throw malformed('bytes after its last chunk');
      return this.#chunked.done;
    }
    this.#got += bytes.length;
    if (typeof head.framing === 'object' && this.#got > head.framing.bytes) {
      throw malformed('more bytes than its content-length');
    }
    onData(bytes);
    return isWhole(head, this.#got);
  }
}

const isWhole = ({ framing }: ResponseHead, bytes: number): boolean =>
  typeof framing === 'object' && bytes === framing.bytes;
