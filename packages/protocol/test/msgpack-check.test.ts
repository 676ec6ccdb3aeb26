import fc from 'fast-check';
import { t } from 'tap';
import { encodeBody } from '../src/body.js';
import { checkMsgpack } from '../src/msgpack-check.js';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

t.test('lengths that lie are refused before anything is set aside', async (t) => {
  const bombs: Record<string, string> = {
    'array of 2^32-1': 'dd ffffffff',
    'array of 2^32-1 with some': 'dd ffffffff c0 c0 c0',
    'map of 2^32-1': 'df ffffffff',
    'map of 2^31 pairs': 'df 80000000 c0',
    'str of 2^32-1': 'db ffffffff 61',
    'bin of 2^32-1': 'c6 ffffffff 00',
    'bin of 255': 'c4 ff 00',
    'fixstr of 31': 'bf 61',
    'fixarray of 15': '9f c0',
    'fixmap of 15': '8f c0 c0',
    'array 16': 'dc ffff c0',
    'map 16': 'de ffff c0',
    'cut length': 'dd ffff',
    'cut double': 'cb 00000000',
    'cut in a nested one': '92 91 c0',
  };
  for (const [name, bytes] of Object.entries(bombs)) t.match(checkMsgpack(hex(bytes)), /msgpack/, name);
});

t.test('extension types, the unused type and deep nesting are refused', async (t) => {
  for (const type of [
    'c1',
    'd4 01 00',
    'd5 01 0000',
    'd6 ff 00000000',
    'd7 ff 00',
    'd8 01',
    'c7 01 01 00',
    'c8 0001',
    'c9 00000001',
  ]) {
    t.match(checkMsgpack(hex(type)), /is not allowed/, type);
    t.match(checkMsgpack(hex(`91 ${type}`)), /is not allowed/, `in an array: ${type}`);
  }
  t.match(checkMsgpack(Buffer.alloc(100_000, 0x91)), /nests deeper than 16/);
  t.match(checkMsgpack(Buffer.concat([Buffer.alloc(16, 0x91), Buffer.of(0xc0)])), /nests deeper/);
  t.equal(checkMsgpack(Buffer.concat([Buffer.alloc(15, 0x91), Buffer.of(0xc0)])), undefined);
});

t.test('exactly one value', async (t) => {
  t.match(checkMsgpack(Buffer.alloc(0)), /ends/);
  t.match(checkMsgpack(hex('c0 c0')), /followed by 1 bytes/);
  for (const whole of [
    'c0',
    '80',
    '90',
    'a0',
    'c4 00',
    'd9 00',
    'dc 0000',
    'df 00000000',
    'cf 0000000000000001',
    'ff',
  ]) {
    t.equal(checkMsgpack(hex(whole)), undefined, whole);
  }
});

t.test('everything that we encode passes; every cut of it does not', async (t) => {
  const value = fc.letrec((tie) => ({
    leaf: fc.oneof(fc.integer(), fc.double(), fc.string(), fc.boolean(), fc.constant(null), fc.uint8Array()),
    node: fc.oneof(
      { maxDepth: 4 },
      tie('leaf'),
      fc.array(tie('node'), { maxLength: 20 }),
      fc.dictionary(fc.string(), tie('node'), { maxKeys: 20 }),
    ),
  })).node;
  const seed = Date.now() >>> 0;
  t.comment(`seed ${seed}`);
  fc.assert(
    fc.property(value, fc.nat(), (one, cut) => {
      const bytes = encodeBody(one);
      if (checkMsgpack(bytes) !== undefined) return false;
      return checkMsgpack(bytes.subarray(0, cut % bytes.length)) !== undefined;
    }),
    { seed, numRuns: 500 },
  );
});
