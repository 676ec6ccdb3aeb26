import { crc32 } from 'node:zlib';
import { encodeHeader, type FrameHeader, HEADER_BYTES } from '@tidecache/protocol';
import { t } from 'tap';
import { type Frame, FrameParser, type FrameSink } from '../src/frame-parser.js';
import { DIRECT_BYTES, SCRATCH_BYTES } from '../src/limits.js';
import { seeded } from './support/random.js';

const LIMITS = { maxBodyBytes: 1 << 20, maxPayloadBytes: 4 << 20 };

function frameBytes(body: Buffer, payload: Buffer, change: Partial<FrameHeader> = {}): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  encodeHeader(
    {
      flags: 0,
      opcode: 0x30,
      status: 0,
      requestId: 7,
      deadlineMs: 9,
      bodyBytes: body.length,
      payloadBytes: payload.length,
      bodyCrc: crc32(body),
      payloadCrc: crc32(payload),
      ...change,
    },
    header,
  );
  return Buffer.concat([header, body, payload]);
}

interface Seen {
  readonly body: string;
  readonly payload: string;
  readonly fault: string | undefined;
}

class Recorder implements FrameSink {
  paused = false;
  readonly seen: Seen[] = [];
  target: (header: FrameHeader) => Uint8Array | undefined = (header) => new Uint8Array(header.payloadBytes);
  payloadTarget(header: FrameHeader): Uint8Array | undefined {
    return this.target(header);
  }
  payloadProgress(): void {}
  frame({ body, payload, fault }: Frame): void {
    this.seen.push({ body: body.toString('latin1'), payload: Buffer.from(payload).toString('hex'), fault });
  }
}

const bodies = [Buffer.alloc(0), Buffer.from('body'), Buffer.alloc(300, 'x')];
const payloads = [Buffer.alloc(0), Buffer.from('payload'), Buffer.alloc(100, 'p')];
const frames = bodies.flatMap((body) => payloads.map((payload) => ({ body, payload })));
const stream = Buffer.concat(frames.map(({ body, payload }) => frameBytes(body, payload)));
const expected = frames.map(({ body, payload }) => ({
  body: body.toString('latin1'),
  payload: payload.toString('hex'),
  fault: undefined,
}));

t.test('the same frames wherever the stream is split', async (t) => {
  for (let cut = 0; cut <= stream.length; cut++) {
    const sink = new Recorder();
    const parser = new FrameParser(sink, LIMITS);
    // Copies, as a socket may use its memory again.
    for (const part of [stream.subarray(0, cut), stream.subarray(cut)]) {
      const chunk = Buffer.from(part);
      if (parser.push(chunk) !== chunk.length) t.fail('bytes left over');
      chunk.fill(0xee);
    }
    if (JSON.stringify(sink.seen) !== JSON.stringify(expected))
      t.same(sink.seen, expected, `split at ${cut}`);
  }
  const sink = new Recorder();
  const parser = new FrameParser(sink, LIMITS);
  for (const byte of stream) parser.push(Buffer.of(byte));
  t.same(sink.seen, expected, 'byte by byte');
});

t.test('a reader that asks where bytes go gets the same frames, long payloads without a copy', async (t) => {
  const seed = Date.now() >>> 0;
  t.comment(`seed ${seed}`);
  const random = seeded(seed);
  for (let round = 0; round < 60; round++) {
    const sent: Seen[] = [];
    const parts: Buffer[] = [];
    for (let i = 0; i < 8; i++) {
      const body = Buffer.alloc(Math.floor(random() * 2000), 'b');
      const long = random() < 0.5;
      const payload = Buffer.alloc(Math.floor(random() * (long ? 4 * SCRATCH_BYTES : DIRECT_BYTES)));
      for (let at = 0; at < payload.length; at += 97) payload[at] = random() * 256;
      parts.push(frameBytes(body, payload));
      sent.push({ body: body.toString('latin1'), payload: payload.toString('hex'), fault: undefined });
    }
    const bytes = Buffer.concat(parts);
    const sink = new Recorder();
    sink.target = (header) => new Uint8Array(new SharedArrayBuffer(header.payloadBytes));
    const parser = new FrameParser(sink, LIMITS);
    let direct = 0;
    for (let at = 0; at < bytes.length; ) {
      const target = parser.target();
      const take = Math.min(target.length, bytes.length - at, 1 + Math.floor(random() * 100_000));
      target.set(bytes.subarray(at, at + take));
      if (parser.direct) direct += take;
      at += take;
      parser.received(take);
    }
    if (JSON.stringify(sink.seen) !== JSON.stringify(sent)) t.fail(`round ${round} differs`);
    if (round === 0) t.ok(direct > 0, 'some bytes went straight to their destination');
  }
  t.pass('60 rounds');
});

t.test('a checksum that differs is told, and the stream stays in step', async (t) => {
  const sink = new Recorder();
  const parser = new FrameParser(sink, LIMITS);
  const body = Buffer.from('body');
  const payload = Buffer.from('payload');
  parser.push(
    Buffer.concat([
      frameBytes(body, payload, { bodyCrc: 1 }),
      frameBytes(body, payload, { payloadCrc: 1 }),
      frameBytes(body, payload),
    ]),
  );
  t.same(
    sink.seen.map(({ fault }) => fault),
    ['body', 'payload', undefined],
  );
});

t.test('a header that is wrong or too long for this side ends the stream', async (t) => {
  const spoiled = frameBytes(Buffer.from('b'), Buffer.alloc(0));
  spoiled[9]! ^= 1;
  const parserOf = (limits = LIMITS) => new FrameParser(new Recorder(), limits);
  t.throws(() => parserOf().push(spoiled), { code: 'PROTOCOL', message: /checksum/ });
  const long = frameBytes(Buffer.alloc(20), Buffer.alloc(0));
  t.throws(() => parserOf({ maxBodyBytes: 19, maxPayloadBytes: 0 }).push(long), { code: 'PROTOCOL' });
  const heavy = frameBytes(Buffer.alloc(0), Buffer.alloc(20));
  t.throws(() => parserOf({ maxBodyBytes: 19, maxPayloadBytes: 19 }).push(heavy), { code: 'PROTOCOL' });
});

t.test('a paused sink takes no further frame, and loses none', async (t) => {
  const sink = new Recorder();
  const parser = new FrameParser(sink, LIMITS);
  let rest = Buffer.from(stream);
  for (let count = 1; count <= frames.length; count++) {
    sink.paused = false;
    const frame = sink.frame.bind(sink);
    sink.frame = (one) => {
      frame(one);
      sink.paused = true;
      sink.frame = frame;
    };
    rest = rest.subarray(parser.push(rest));
    t.equal(sink.seen.length, count);
  }
  t.same(sink.seen, expected);
});

t.test('a discarded payload is not written any more, and the next frame is whole', async (t) => {
  const sink = new Recorder();
  const parser = new FrameParser(sink, LIMITS);
  const into = new Uint8Array(100_000);
  sink.target = () => into;
  const payload = Buffer.alloc(100_000, 1);
  const bytes = Buffer.concat([
    frameBytes(Buffer.alloc(0), payload),
    frameBytes(Buffer.from('next'), Buffer.alloc(0)),
  ]);
  parser.push(bytes.subarray(0, 50_000));
  parser.discardPayload();
  parser.push(bytes.subarray(50_000));
  t.equal(into.indexOf(0), 50_000 - HEADER_BYTES);
  t.equal(sink.seen[1]?.body, 'next');
});
