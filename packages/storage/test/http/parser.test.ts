import { t } from 'tap';
import { AnswerParser, type AnswerSink } from '../../src/http/parser.js';
import { MAX_HEAD_BYTES } from '../../src/limits.js';

const LENGTH = 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789';
const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n';
const CLOSE = 'HTTP/1.1 200 OK\r\n\r\n0123456789';

class Sink implements AnswerSink {
  readonly into = Buffer.alloc(10);
  status = 0;
  text = '';
  readonly progress: number[] = [];

  constructor(readonly hasPlace: boolean) {}

  head({ status }: { status: number }): Uint8Array | undefined {
    this.status = status;
    return this.hasPlace ? this.into : undefined;
  }

  filled(bytes: number): void {
    this.progress.push(bytes);
  }

  data(bytes: Buffer): void {
    this.text += bytes.toString('latin1');
  }
}

/** Feeds pieces as a socket does: never more than the target holds. Whether the answer is complete. */
function feed(parser: AnswerParser, pieces: readonly Buffer[]): boolean {
  let isWhole = false;
  for (let piece of pieces) {
    while (piece.length > 0) {
      const target = parser.target();
      const bytes = Math.min(target.length, piece.length);
      target.set(piece.subarray(0, bytes));
      piece = piece.subarray(bytes);
      isWhole = parser.received(bytes);
    }
  }
  return isWhole;
}

const splitAt = (bytes: Buffer, at: number) => [bytes.subarray(0, at), bytes.subarray(at)];

t.test('each kind of body, split anywhere', async (t) => {
  const interim = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n';
  for (const text of [LENGTH, CHUNKED, CLOSE, interim + LENGTH]) {
    for (const hasPlace of text.endsWith(LENGTH) ? [true, false] : [false]) {
      const bytes = Buffer.from(text);
      const parser = new AnswerParser();
      for (let at = 0; at <= bytes.length; at++) {
        const sink = new Sink(hasPlace);
        parser.begin(sink);
        const isWhole = feed(parser, splitAt(bytes, at));
        t.equal(isWhole, text !== CLOSE);
        t.equal(parser.ended(), text === CLOSE);
        t.equal(sink.status, 200);
        t.equal(hasPlace ? sink.into.toString() : sink.text, '0123456789');
        t.equal(hasPlace ? sink.progress.at(-1) : 10, 10);
      }
    }
  }
});

t.test('the body of known length is received in place, and nothing behind it', async (t) => {
  const parser = new AnswerParser();
  const sink = new Sink(true);
  parser.begin(sink);
  feed(parser, [Buffer.from(LENGTH.slice(0, -7))]);
  const target = parser.target();
  t.equal(target.buffer, sink.into.buffer);
  t.equal(target.byteOffset, sink.into.byteOffset + 3);
  t.equal(target.length, 7);
  t.equal(parser.received(7), true);
  t.not(parser.target().buffer, sink.into.buffer, 'not after its end');
});

t.test('begun without a sink, it writes to no place', async (t) => {
  const parser = new AnswerParser();
  const sink = new Sink(true);
  parser.begin(sink);
  feed(parser, [Buffer.from(LENGTH.slice(0, -7))]);
  parser.begin();
  t.not(parser.target().buffer, sink.into.buffer);
  t.throws(() => feed(parser, [Buffer.from('x')]), { code: 'HTTP_MALFORMED' });
});

t.test('refuses what is not one answer', async (t) => {
  const begun = (hasPlace: boolean) => {
    const parser = new AnswerParser();
    parser.begin(new Sink(hasPlace));
    return parser;
  };
  for (const text of [
    `${LENGTH}x`,
    `${CHUNKED}x`,
    'HTTP/1.1 101 Switching\r\n\r\n',
    'x'.repeat(MAX_HEAD_BYTES),
  ]) {
    for (const hasPlace of [true, false]) {
      t.throws(() => feed(begun(hasPlace), [Buffer.from(text)]), { code: 'HTTP_MALFORMED' });
    }
  }
});

t.test('no body is a whole answer', async (t) => {
  const parser = new AnswerParser();
  const sink = new Sink(false);
  parser.begin(sink);
  t.equal(feed(parser, [Buffer.from('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n')]), true);
  t.equal(sink.status, 404);
});
