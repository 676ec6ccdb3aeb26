/**
 * A million frames that are random, or were right once: each is taken, or refused with a reason. Nothing else may
 * happen. FUZZ_SEED repeats a run.
 */
import { crc32 } from 'node:zlib';
import { t } from 'tap';
import type { z } from 'zod';
import { decodeBody, encodeBody } from '../src/body.js';
import { TidecacheError } from '../src/errors.js';
import { decodeHeader, encodeHeader } from '../src/frame.js';
import { decodeLend, encodeLend } from '../src/lend.js';
import { HEADER_BYTES, MAX_BODY_BYTES, MAX_PAYLOAD_BYTES } from '../src/limits.js';
import { OPCODES } from '../src/opcodes.js';
import { decodeRead, encodeRead } from '../src/read.js';
import { decodeSource, encodeSource, fileIdOf, type Source } from '../src/source.js';
import { seeded } from './support/random.js';

const FRAMES = 1_000_000;
// Stacks cost more than all the rest, and nobody looks at them here.
Error.stackTraceLimit = 0;
const seed = Number(process.env.FUZZ_SEED ?? Date.now() >>> 0);
t.comment(`seed ${seed}`);
const random = seeded(seed);
const below = (count: number) => Math.floor(random() * count);

const source: Source = { datasetId: 3, key: 'a/b.csv', version: 'v', size: 12345, blockBytes: 4194304 };
const fileId = fileIdOf(source);
const inode = {
  ino: 2,
  kind: 'file',
  size: 1,
  mtimeMs: 1,
  mode: 0o444,
  key: 'k',
  version: 'v',
  datasetId: 1,
};
const member = { id: 'w', host: '::1', port: 1, hostId: 'h', weight: 2 };
const samples: { opcode: number; body: Buffer }[] = [
  { opcode: OPCODES.LOOKUP.wire, body: encodeBody({ parent: 1, name: 'prices' }) },
  { opcode: OPCODES.READDIR.wire, body: encodeBody({ ino: 1, after: '', limit: 100 }) },
  { opcode: OPCODES.RING.wire, body: encodeBody({ epoch: 1, members: [member, member] }) },
  {
    opcode: OPCODES.INVALIDATE.wire,
    body: encodeBody({ entries: [{ parent: 1, name: 'x' }], inodes: [1, 2, 3] }),
  },
  { opcode: OPCODES.OPEN.wire, body: encodeBody({ inode }) },
  {
    opcode: OPCODES.READ.wire,
    body: encodeRead({
      lease: 0,
      fileId,
      blockIndex: 1,
      offset: 0,
      length: 4096,
      flags: 1,
      source: encodeSource(source),
    }),
  },
  {
    opcode: OPCODES.LEND.wire,
    body: encodeLend([1, 2].map((lease) => ({ fileId, blockIndex: 0, offset: 0, length: 23_000, lease }))),
  },
];
const rows = new Map<number, z.ZodType | null>(Object.values(OPCODES).map((row) => [row.wire, row.request]));
const frames = samples.map(({ opcode, body }) => frameOf(opcode, body));
const outcomes = new Map<string, number>();

// For a machine with other things to do: it takes about 12 s of CPU.
t.setTimeout(170_000);
t.test(`${FRAMES} frames`, async (t) => {
  const before = process.memoryUsage().rss;
  let peak = 0;
  for (let i = 0; i < FRAMES; i++) {
    const bytes = next(i);
    const outcome = take(bytes);
    if (outcome === undefined) {
      t.fail(`frame ${i} of seed ${seed} was neither taken nor refused: ${bytes.toString('hex')}`);
      return;
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    if (i % 50_000 === 0) peak = Math.max(peak, process.memoryUsage().rss - before);
  }
  t.comment(Object.fromEntries(outcomes));
  t.ok(peak < 300 * 2 ** 20, `${Math.round(peak / 2 ** 20)} MiB more memory at most`);
  for (const wanted of ['taken', 'header', 'body', 'READ', 'LEND', 'source']) {
    t.ok((outcomes.get(wanted) ?? 0) > 100, `the generator reaches: ${wanted}`);
  }
});

/** Random bytes; or a good frame: as it is, with bytes changed, cut or spliced, its checksums put right or not. */
function next(i: number): Buffer {
  if (i % 10 <= 1) return randomBytes(below(100));
  const pick = below(samples.length);
  if (i % 10 <= 4) return mutated(frames[pick]!);
  const { opcode, body } = samples[pick]!;
  if (i % 10 === 5) return frameOf(opcode, randomBytes(below(64)));
  if (i % 10 === 6) return frameOf(below(0x50), body);
  return frameOf(opcode, mutated(body));
}

function randomBytes(count: number): Buffer {
  const bytes = Buffer.allocUnsafe(count);
  for (let at = 0; at < count; at++) bytes[at] = below(256);
  return bytes;
}

function mutated(good: Buffer): Buffer {
  const kind = below(8);
  if (kind === 0) return good.subarray(0, below(good.length + 1));
  const bytes = Buffer.from(good);
  if (kind === 1) {
    const at = below(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), randomBytes(1 + below(4)), bytes.subarray(at)]);
  }
  // msgpack's own type bytes reach further than random ones.
  for (let n = 1 + below(3); n > 0; n--)
    bytes[below(bytes.length)] = below(2) ? below(256) : 0xc0 + below(32);
  return bytes;
}

function frameOf(opcode: number, body: Buffer): Buffer {
  const out = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  const rest = { flags: 0, status: 0, requestId: 1, deadlineMs: 1000, payloadBytes: 0, payloadCrc: 0 };
  encodeHeader({ ...rest, opcode, bodyBytes: body.length, bodyCrc: crc32(body) }, out);
  body.copy(out, HEADER_BYTES);
  return out;
}

/** Where the frame ended: taken, or refused at a stage with a reason. Undefined: something else was thrown. */
function take(bytes: Buffer): string | undefined {
  let stage = 'header';
  try {
    const header = decodeHeader(bytes);
    if (header.bodyBytes > MAX_BODY_BYTES || header.payloadBytes > MAX_PAYLOAD_BYTES) return undefined;
    const body = bytes.subarray(HEADER_BYTES, HEADER_BYTES + header.bodyBytes);
    const schema = rows.get(header.opcode);
    if (header.opcode === OPCODES.READ.wire) {
      stage = 'READ';
      const read = decodeRead(body);
      stage = 'source';
      decodeSource(read.source, read.fileId);
    } else if (header.opcode === OPCODES.LEND.wire) {
      stage = 'LEND';
      decodeLend(body);
    } else if (schema) {
      stage = 'body';
      decodeBody(schema, body, 'request');
    } else {
      return 'unknown';
    }
    return 'taken';
  } catch (thrown) {
    const refused = thrown instanceof TidecacheError && ['PROTOCOL', 'INVALID'].includes(thrown.code);
    return refused && thrown.message.length > 0 ? stage : undefined;
  }
}
