/**
 * Messages of one turn of the event loop, on their way to another thread as one: what costs is waking the other side up,
 * some 10 µs. Flat numbers, since cloning objects would cost as much again.
 */

export interface Batch {
  /** Message after message: kind, how many numbers, these, how many bytes. */
  readonly numbers: readonly number[];
  /** The bytes of all messages, joined. */
  readonly bytes: Uint8Array;
  /** Shared memory that the messages speak of for the first time, in the order of its numbers. */
  readonly shared: readonly SharedArrayBuffer[];
}

export interface Message {
  readonly kind: number;
  readonly numbers: readonly number[];
  /** The receiver's own. */
  readonly bytes: Buffer;
}

const NO_BYTES = new Uint8Array(0);

export class Outbox {
  readonly #post: (batch: Batch) => void;
  readonly #beforePost: () => void;
  #numbers: number[] = [];
  #parts: Uint8Array[] = [];
  #shared: SharedArrayBuffer[] = [];
  #posting = false;

  /** `beforePost` runs at the end of each turn that had something to say, and may add to it. */
  constructor(post: (batch: Batch) => void, beforePost: () => void = () => {}) {
    this.#post = post;
    this.#beforePost = beforePost;
  }

  /** `bytes` must not change within this turn. */
  add(kind: number, numbers: readonly number[], bytes: Uint8Array = NO_BYTES): void {
    this.#numbers.push(kind, numbers.length, ...numbers, bytes.length);
    if (bytes.length > 0) this.#parts.push(bytes);
    this.postSoon();
  }

  /** The messages from now on may speak of `buffer`. */
  introduce(buffer: SharedArrayBuffer): void {
    this.#shared.push(buffer);
  }

  /** At the end of this turn, when `beforePost` may have something to add. */
  postSoon(): void {
    if (this.#posting) return;
    this.#posting = true;
    setImmediate(() => {
      this.#beforePost();
      this.#posting = false;
      const batch = { numbers: this.#numbers, bytes: joined(this.#parts), shared: this.#shared };
      this.#numbers = [];
      this.#parts = [];
      this.#shared = [];
      this.#post(batch);
    });
  }
}

/** The messages of a batch, in order. */
export function* messagesOf({ numbers, bytes }: Batch): Generator<Message> {
  let byteAt = bytes.byteOffset;
  for (let at = 0; at < numbers.length; ) {
    const from = at + 2;
    const to = from + numbers[at + 1]!;
    const length = numbers[to]!;
    const own = Buffer.from(bytes.buffer as ArrayBuffer, byteAt, length);
    yield { kind: numbers[at]!, numbers: numbers.slice(from, to), bytes: own };
    byteAt += length;
    at = to + 1;
  }
}

/** In an ArrayBuffer of its own: cloning a part of a larger one clones all of that. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 0) return NO_BYTES;
  const whole = Buffer.allocUnsafeSlow(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
