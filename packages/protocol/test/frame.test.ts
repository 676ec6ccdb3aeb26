import { t } from 'tap';
import { decodeHeader, encodeHeader, FRAME_VERSION, type FrameHeader } from '../src/frame.js';
import { HEADER_BYTES, MAX_BODY_BYTES, MAX_PAYLOAD_BYTES } from '../src/limits.js';
import { seeded } from './support/random.js';

const SAMPLE: FrameHeader = {
  flags: 0x03,
  opcode: 0x1234,
  status: 0x5678,
  requestId: 0x9abcdef0,
  deadlineMs: 0x01020304,
  bodyBytes: 0x000a0b0c,
  payloadBytes: 0x000d0e0f,
  bodyCrc: 0x11121314,
  payloadCrc: 0x15161718,
};

/**
 * The sample's bytes in every version that there was. A layout that changes needs a new FRAME_VERSION and a new line
 * here: a line that is here already is never edited.
 */
const GOLDEN: Record<number, string> = {
  1: '5463010334127856f0debc9a040302010c0b0a000f0e0d00141312111817161500000000e2aed97c',
};

const encoded = (header: FrameHeader) => {
  const out = Buffer.alloc(HEADER_BYTES);
  encodeHeader(header, out);
  return out;
};

t.test('golden bytes of this version', async (t) => {
  const golden = GOLDEN[FRAME_VERSION];
  if (golden === undefined) return t.fail(`write down the golden bytes of version ${FRAME_VERSION}`);
  t.equal(encoded(SAMPLE).toString('hex'), golden, 'a changed layout needs a new FRAME_VERSION');
  t.same(decodeHeader(Buffer.from(golden, 'hex')), SAMPLE);
});

t.test('other versions are refused by name', async (t) => {
  for (const [version, golden] of Object.entries(GOLDEN)) {
    if (Number(version) === FRAME_VERSION) continue;
    t.throws(() => decodeHeader(Buffer.from(golden, 'hex')), { code: 'PROTOCOL', message: /frame version/ });
  }
});

t.test('what is encoded is decoded, at any offset', async (t) => {
  const seed = Date.now() >>> 0;
  t.comment(`seed ${seed}`);
  const random = seeded(seed);
  const upTo = (most: number) => Math.floor(random() * (most + 1));
  for (let i = 0; i < 2000; i++) {
    const header: FrameHeader = {
      flags: upTo(15),
      opcode: upTo(0xffff),
      status: upTo(0xffff),
      requestId: upTo(0xffff_ffff),
      deadlineMs: upTo(0xffff_ffff),
      bodyBytes: upTo(MAX_BODY_BYTES),
      payloadBytes: upTo(MAX_PAYLOAD_BYTES),
      bodyCrc: upTo(0xffff_ffff),
      payloadCrc: upTo(0xffff_ffff),
    };
    const at = upTo(20);
    const out = Buffer.alloc(HEADER_BYTES + 20, 0xcc);
    encodeHeader(header, out, at);
    if (JSON.stringify(decodeHeader(out, at)) !== JSON.stringify(header))
      t.same(decodeHeader(out, at), header);
    const around = Buffer.concat([out.subarray(0, at), out.subarray(at + HEADER_BYTES)]);
    if (!around.equals(Buffer.alloc(20, 0xcc))) t.fail('wrote outside its 40 bytes');
  }
  t.pass('2000 headers');
});

t.test('every flipped bit is found', async (t) => {
  const good = encoded(SAMPLE);
  for (let bit = 0; bit < HEADER_BYTES * 8; bit++) {
    const bad = Buffer.from(good);
    bad[bit >> 3]! ^= 1 << (bit & 7);
    t.throws(() => decodeHeader(bad), { code: 'PROTOCOL' }, `bit ${bit}`);
  }
});

t.test('lengths over their limits and unknown flags are refused, also with a right checksum', async (t) => {
  const refuses = (change: Partial<FrameHeader>, message: RegExp) =>
    t.throws(() => decodeHeader(encoded({ ...SAMPLE, ...change })), { code: 'PROTOCOL', message });
  refuses({ bodyBytes: MAX_BODY_BYTES + 1 }, /body of 1048577 bytes/);
  refuses({ payloadBytes: MAX_PAYLOAD_BYTES + 1 }, /payload of 4194305 bytes/);
  refuses({ bodyBytes: 0xffff_ffff }, /body/);
  refuses({ flags: 16 }, /flags 0x10/);
  t.throws(() => decodeHeader(encoded(SAMPLE), 1), { code: 'PROTOCOL', message: /header of 39 bytes/ });
});
