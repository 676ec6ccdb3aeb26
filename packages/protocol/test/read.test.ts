import { t } from 'tap';
import type { FileId } from '../src/ids.js';
import { MAX_BLOCK_BYTES, MAX_READ_BYTES } from '../src/limits.js';
import { decodeRead, encodeRead, READ_AHEAD, READ_WHOLE_BLOCK } from '../src/read.js';
import { encodeSource, fileIdOf, type Source } from '../src/source.js';

const SOURCE: Source = {
  datasetId: 7,
  key: 'a/日本.csv',
  version: '"etag"',
  size: 9_000_000,
  blockBytes: 4194304,
};

t.test('golden bytes', async (t) => {
  const fileId = Buffer.from('000102030405060708090a0b0c0d0eff', 'hex').toString('latin1') as FileId;
  const request = {
    fileId,
    blockIndex: 0x01020304,
    offset: 0x00050607,
    length: 0x00001000,
    flags: READ_WHOLE_BLOCK | READ_AHEAD,
    lease: 0x0a0b0c0d,
    source: Buffer.from('c0', 'hex'),
  };
  const golden =
    '000102030405060708090a0b0c0d0eff' +
    '04030201' +
    '07060500' +
    '00100000' +
    '03000000' +
    '0d0c0b0a' +
    'c0';
  t.equal(encodeRead(request).toString('hex'), golden);
  const blockName = Buffer.from(golden, 'hex').toString('latin1', 0, 20);
  t.same(decodeRead(Buffer.from(golden, 'hex')), { ...request, blockName });
});

t.test('golden source and file id: a change moves every cached block', async (t) => {
  t.equal(
    encodeSource(SOURCE).toString('hex'),
    'de0005a964617461736574496407a36b6579ac612fe697a5e69cac2e637376a776657273696f6ea6226574616722a473697a65ce00895440aa626c6f636b4279746573ce00400000',
  );
  t.equal(Buffer.from(fileIdOf(SOURCE), 'latin1').toString('hex'), 'a0d202e9534f8955f0290ed619fde0e4');
});

t.test('ranges that no block can have are refused', async (t) => {
  const body = (offset: number, length: number) =>
    encodeRead({
      fileId: fileIdOf(SOURCE),
      blockIndex: 0,
      offset,
      length,
      flags: 0,
      lease: 0,
      source: Buffer.alloc(0),
    });
  const refused = { code: 'INVALID' };
  t.throws(() => decodeRead(body(0, 0)), refused);
  t.throws(() => decodeRead(body(0, MAX_READ_BYTES + 1)), refused);
  t.throws(() => decodeRead(body(MAX_BLOCK_BYTES, 1)), refused);
  t.throws(() => decodeRead(body(0xffff_ffff, 1)), refused);
  t.throws(() => decodeRead(body(0, 1).subarray(0, 31)), refused);
  t.equal(decodeRead(body(MAX_BLOCK_BYTES - 1, 1)).length, 1);
  t.throws(() => encodeRead({ ...decodeRead(body(0, 1)), fileId: 'short' as FileId }), refused);
});
