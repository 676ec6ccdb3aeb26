import { inodeId } from '@tidecache/protocol';
import { t } from 'tap';
import * as convert from '../../src/kernel/conversion.js';
import { OP } from '../../src/kernel/wire.js';
import { makeRequest, nameBody, readBody } from '../support/requests.js';

const OWNER = { uid: 1000, gid: 1001 };
const file = {
  ino: 0x1_2345_6789,
  kind: 'file',
  size: 0x2_0000_0001,
  mtimeMs: 1_700_000_000_123.5,
  mode: 0o6755,
} as const;
const directory = {
  ino: 7,
  kind: 'directory',
  size: 0,
  mtimeMs: -1500,
  mode: 0o777,
  uid: 5,
  gid: 6,
} as const;

const ATTR_OF_FILE = [
  '8967452301000000', // ino
  '0100000002000000', // size
  '0100000100000000', // blocks
  '00f1536500000000', // atime
  '00f1536500000000', // mtime
  '00f1536500000000', // ctime
  'e0755c07'.repeat(3), // nanoseconds
  '6d810000', // mode 0100555
  '01000000', // nlink
  'e8030000', // uid
  'e9030000', // gid
  '00000000', // rdev
  '00000200', // blksize
  '00000000', // flags
].join('');

t.test('a file entry', (t) => {
  const out = Buffer.alloc(128, 0xff);
  t.equal(
    convert.encodeEntry({ inode: file, entryValidMs: 1500, attrValidMs: 86_400_000 }, OWNER, out, 0),
    128,
  );
  t.equal(
    out.toString('hex'),
    [
      '8967452301000000',
      '0000000000000000',
      '0100000000000000',
      '8051010000000000',
      '0065cd1d',
      '00000000',
    ].join('') + ATTR_OF_FILE,
  );
  t.end();
});

t.test('attributes of a directory from before 1970', (t) => {
  const out = Buffer.alloc(104, 0xff);
  t.equal(convert.encodeAttrOut(directory, 250, OWNER, out, 0), 104);
  t.equal(out.toString('hex', 0, 16), '0000000000000000' + '80b2e60e' + '00000000');
  t.equal(out.readBigInt64LE(16 + 32), -2n, 'seconds round down');
  t.equal(out.readUInt32LE(16 + 52), 500_000_000);
  t.equal(out.readUInt32LE(16 + 60), 0o40555);
  t.same([out.readUInt32LE(16 + 64), out.readUInt32LE(16 + 68), out.readUInt32LE(16 + 72)], [2, 5, 6]);
  t.end();
});

t.test('directory entries', (t) => {
  const entry = { name: 'né', inode: file, entryValidMs: 0, attrValidMs: 0 };
  const out = Buffer.alloc(64, 0xff);
  t.equal(convert.encodeDirent(entry, 3, false, OWNER, out, 8, 64), 32);
  t.equal(
    out.toString('hex', 8, 40),
    '89674523010000000300000000000000' + '0300000008000000' + '6ec3a90000000000',
  );
  t.equal(convert.encodeDirent(entry, 3, false, OWNER, out, 33, 64), 0, 'no room');
  t.equal(convert.encodeDot('..', inodeId(1), 2, false, out, 0, 64), 32);
  t.equal(
    out.toString('hex', 0, 32),
    '01000000000000000200000000000000' + '0200000004000000' + '2e2e000000000000',
  );
  const plus = Buffer.alloc(400, 0xff);
  t.equal(convert.encodeDirent(entry, 9, true, OWNER, plus, 0, 400), 160);
  t.equal(plus.toString('hex', 40, 128), ATTR_OF_FILE);
  t.equal(
    plus.toString('hex', 128, 160),
    '89674523010000000900000000000000' + '0300000008000000' + '6ec3a90000000000',
  );
  t.equal(convert.encodeDot('.', inodeId(7), 1, true, plus, 0, 400), 160);
  t.equal(plus.readUInt32LE(0), 0, 'no node: nothing to forget');
  t.end();
});

t.test('INIT, OPEN, STATFS and notifications', (t) => {
  const out = Buffer.alloc(80);
  convert.encodeInit(
    {
      minor: 38,
      maxReadahead: 4 << 20,
      flags: 0x80000001,
      maxBackground: 64,
      congestionThreshold: 48,
      maxWrite: 4096,
      maxPages: 256,
    },
    out,
    0,
  );
  t.equal(
    out.toString('hex', 0, 64),
    '0700000026000000' +
      '0000400001000080' +
      '40003000' +
      '00100000' +
      '01000000' +
      '00010000' +
      '00'.repeat(32),
  );
  t.equal(convert.encodeOpen(0x1_0000_0002, 2, out, 0), 16);
  t.equal(out.toString('hex', 0, 16), '02000000010000000200000000000000');
  convert.encodeStatfs({ blockSize: 4096, blocks: 9, files: 3, maxNameBytes: 255 }, out, 0);
  t.equal(
    out.toString('hex'),
    '0900000000000000' +
      '00'.repeat(16) +
      '0300000000000000' +
      '00'.repeat(8) +
      '00100000ff00000000100000' +
      '00'.repeat(28),
  );
  t.equal(
    convert.encodeInvalidateEntry(inodeId(5), 'né').toString('hex'),
    '24000000030000000000000000000000' + '05000000000000000300000000000000' + '6ec3a900',
  );
  t.equal(
    convert.encodeInvalidateInode(inodeId(5)).toString('hex'),
    `280000000200000000000000000000000500000000000000${'00'.repeat(16)}`,
  );
  t.end();
});

t.test('requests', (t) => {
  const request = makeRequest({
    opcode: OP.LOOKUP,
    unique: 2 ** 40 + 2,
    ino: 2 ** 52,
    body: nameBody('数据'),
  });
  t.same(convert.decodeHeader(request), { opcode: 1, unique: 2 ** 40 + 2, ino: 2 ** 52, pid: 4242 });
  t.same(convert.decodeName(request), { name: '数据' });
  t.same(convert.decodeRead(makeRequest({ opcode: OP.READ, body: readBody(3, 5 * 2 ** 30, 4096) })), {
    handle: 3,
    offset: 5 * 2 ** 30,
    size: 4096,
  });
  t.same(convert.decodeName(makeRequest({ opcode: 1, body: nameBody('x'.repeat(256)) })), { tooLong: true });
  t.equal(convert.decodeHeader(request.subarray(0, 45)), undefined, 'cut short');
  t.equal(convert.decodeHeader(request.subarray(0, 10)), undefined, 'shorter than a header');
  t.equal(convert.decodeName(makeRequest({ opcode: 1, body: Buffer.from('no end') })), undefined);
  t.equal(convert.decodeName(makeRequest({ opcode: 1, body: nameBody('') })), undefined);
  t.equal(convert.decodeName(makeRequest({ opcode: 1 })), undefined);
  t.equal(convert.decodeRead(makeRequest({ opcode: OP.READ, body: Buffer.alloc(39) })), undefined);
  const broken = makeRequest({ opcode: 1, body: Buffer.from([0xff, 0]) });
  t.notOk(convert.isExactName(broken, '\ufffd'), 'not UTF-8');
  const honest = makeRequest({ opcode: 1, body: nameBody('\ufffd') });
  t.ok(convert.isExactName(honest, '\ufffd'));
  t.end();
});
