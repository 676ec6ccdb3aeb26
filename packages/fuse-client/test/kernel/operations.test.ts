import { constants } from 'node:os';
import { t } from 'tap';
import type { KeptListing } from '../../src/index.js';
import { type Service, serveRequest } from '../../src/kernel/operations.js';
import { Session } from '../../src/kernel/session.js';
import { OP } from '../../src/kernel/wire.js';
import { SILENT } from '../../src/logger.js';
import { memoryFileSystem } from '../../src/testing/index.js';
import { seededRandom } from '../support/random.js';
import {
  FakeDevice,
  handleBody,
  makeRequest,
  nameBody,
  type RequestInit,
  readBody,
} from '../support/requests.js';

const { errno } = constants;

function setUp() {
  const device = new FakeDevice();
  const session = new Session({ device, logger: SILENT });
  t.teardown(() => session.end());
  const fileSystem = memoryFileSystem({ file: 10_000, directory: { a: 1, b: 2, c: 3 } });
  const service: Service = { fileSystem, session, owner: { uid: 0, gid: 0 }, openless: false };
  const ask = (init: RequestInit) => {
    serveRequest(service, makeRequest(init));
    return device.answers.at(-1);
  };
  return { device, fileSystem, service, ask };
}

t.test('reads', (t) => {
  const { ask, fileSystem, device } = setUp();
  const { ino } = fileSystem.find('file');
  const opened = ask({ opcode: OP.OPEN, ino, body: Buffer.alloc(8) });
  t.equal(opened?.error, 0);
  const handle = opened?.body.readUInt32LE(0) ?? 0;
  t.equal(opened?.body.readUInt32LE(8), 2, 'the kernel keeps its pages');
  const read = ask({ opcode: OP.READ, ino, body: readBody(handle, 9000, 4096) });
  t.same(read?.body, fileSystem.expected(ino, 9000, 4096));
  t.equal(fileSystem.heldReads, 0);
  t.equal(ask({ opcode: OP.READ, ino, body: readBody(99, 0, 1) })?.error, errno.EINVAL, 'no such handle');
  t.equal(ask({ opcode: OP.READ, ino, body: readBody(handle, 0, 2 ** 30) })?.error, errno.EINVAL, 'too much');
  t.equal(ask({ opcode: OP.RELEASE, ino, body: handleBody(handle) })?.error, 0);
  t.equal(fileSystem.openFiles, 0);
  device.delivers = false;
  ask({ opcode: OP.OPEN, ino, body: Buffer.alloc(8) });
  t.equal(fileSystem.openFiles, 0, 'an open that was interrupted leaves nothing open');
  t.end();
});

t.test('reads without opens', (t) => {
  const device = new FakeDevice();
  const session = new Session({ device, logger: SILENT });
  t.teardown(() => session.end());
  const fileSystem = memoryFileSystem({ file: 10_000 }, { openless: true });
  const service: Service = { fileSystem, session, owner: { uid: 0, gid: 0 }, openless: true };
  const ask = (init: RequestInit) => {
    serveRequest(service, makeRequest(init));
    return device.answers.at(-1);
  };
  const { ino } = fileSystem.find('file');
  t.equal(ask({ opcode: OP.OPEN, ino, body: Buffer.alloc(8) })?.error, errno.ENOSYS);
  const read = ask({ opcode: OP.READ, ino, body: readBody(0, 9000, 4096) });
  t.same(read?.body, fileSystem.expected(ino, 9000, 4096));
  t.equal(fileSystem.heldReads, 0);
  t.equal(fileSystem.openFiles, 0);
  t.equal(ask({ opcode: OP.READ, ino: 99, body: readBody(0, 0, 1) })?.error, errno.ESTALE);
  t.end();
});

t.test('a listing in buffers that hold one entry', (t) => {
  const { ask, fileSystem } = setUp();
  const { ino } = fileSystem.find('directory');
  const handle = ask({ opcode: OP.OPENDIR, ino })?.body.readUInt32LE(0) ?? 0;
  for (const [opcode, size, nameAt] of [
    [OP.READDIR, 32, 24],
    [OP.READDIRPLUS, 160, 152],
  ] as const) {
    const names: string[] = [];
    for (let offset = 0; ; ) {
      const body = ask({ opcode, ino, body: readBody(handle, offset, size) })?.body ?? Buffer.alloc(0);
      if (body.length === 0) break;
      offset = body.readUInt32LE(nameAt - 16);
      names.push(body.toString('utf8', nameAt, nameAt + body.readUInt32LE(nameAt - 8)));
    }
    t.same(names, ['.', '..', 'a', 'b', 'c']);
  }
  t.end();
});

t.test('what the kernel may keep of a listing', (t) => {
  const { device, fileSystem, service } = setUp();
  const flags = (listing?: KeptListing) => {
    const opendir = () => ({ handle: 1, ...(listing && { listing }) });
    serveRequest({ ...service, fileSystem: { ...fileSystem, opendir } }, makeRequest({ opcode: OP.OPENDIR }));
    return device.answers.at(-1)?.body.readUInt32LE(8);
  };
  // FOPEN_CACHE_DIR is 8, FOPEN_KEEP_CACHE 2.
  t.same([flags('keep'), flags('anew'), flags('apart'), flags()], [10, 8, 2, 2]);
  t.end();
});

t.test('names that the kernel would not take are left out, and are not the end', (t) => {
  const { device, fileSystem, service } = setUp();
  const inode = fileSystem.find('file');
  const entries = ['', '.', '..', 'a/b', 'x'.repeat(256), 'good'].map((name) => ({
    name,
    inode,
    entryValidMs: 0,
    attrValidMs: 0,
  }));
  const readdir = (_handle: number, offset: number) => entries.slice(offset, offset + 1);
  const odd = { ...service, fileSystem: { ...fileSystem, readdir } };
  serveRequest(odd, makeRequest({ opcode: OP.READDIR, body: readBody(1, 2, 4096) }));
  const body = device.answers[0]?.body ?? Buffer.alloc(0);
  t.equal(body.toString('utf8', 24, 28), 'good');
  t.equal(body.readUInt32LE(8), 8, 'its position counts what was left out');
  t.end();
});

t.test('errors', (t) => {
  const { ask, fileSystem, device } = setUp();
  const { ino } = fileSystem.find('file');
  const cases: [string, RequestInit, number][] = [
    ['no such name', { opcode: OP.LOOKUP, body: nameBody('none') }, errno.ENOENT],
    ['a long name', { opcode: OP.LOOKUP, body: nameBody('x'.repeat(256)) }, errno.ENAMETOOLONG],
    ['a name that is not UTF-8', { opcode: OP.LOOKUP, body: Buffer.from([0xfe, 0]) }, errno.ENOENT],
    ['no name', { opcode: OP.LOOKUP }, errno.EINVAL],
    ['a lookup in a file', { opcode: OP.LOOKUP, ino, body: nameBody('x') }, errno.ENOTDIR],
    ['an inode that is gone', { opcode: OP.GETATTR, ino: 999 }, errno.ESTALE],
    ['opening to write', { opcode: OP.OPEN, ino, body: Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]) }, errno.EROFS],
    ['writing', { opcode: OP.WRITE, ino }, errno.EROFS],
    ['a symbolic link', { opcode: OP.READLINK, ino }, errno.EINVAL],
    ['ioctl', { opcode: OP.IOCTL, ino }, errno.ENOTTY],
    ['extended attributes where there are none', { opcode: OP.GETXATTR, ino }, errno.ENOSYS],
    ['a list of them', { opcode: OP.LISTXATTR, ino }, errno.ENOSYS],
    ['flush', { opcode: OP.FLUSH, ino }, errno.ENOSYS],
    ['an opcode of the future', { opcode: 9999 }, errno.ENOSYS],
  ];
  for (const [what, request, error] of cases) t.equal(ask(request)?.error, error, what);
  const before = device.answers.length;
  ask({ opcode: OP.FORGET, body: Buffer.alloc(8) });
  ask({ opcode: OP.BATCH_FORGET, body: Buffer.alloc(8) });
  ask({ opcode: OP.INTERRUPT, body: Buffer.alloc(8) });
  t.equal(device.answers.length, before, 'these have no answer');
  t.end();
});

t.test('malformed requests: one answer at most, and never a throw', (t) => {
  const { random, seed } = seededRandom();
  t.comment(`seed ${seed}`);
  const { device, service, fileSystem } = setUp();
  const { ino } = fileSystem.find('file');
  const samples = [
    makeRequest({ opcode: OP.LOOKUP, body: nameBody('file') }),
    makeRequest({ opcode: OP.OPEN, ino, body: Buffer.alloc(8) }),
    makeRequest({ opcode: OP.READ, ino, body: readBody(1, 0, 4096) }),
    makeRequest({ opcode: OP.READDIRPLUS, body: readBody(1, 0, 4096) }),
    makeRequest({ opcode: OP.GETXATTR, ino, body: Buffer.concat([Buffer.alloc(8), nameBody('user.x')]) }),
  ];
  const byte = () => Math.floor(random() * 256);
  for (let i = 0; i < 100_000; i++) {
    let request = Buffer.from(samples[i % samples.length]!);
    const kind = random();
    if (kind < 0.3) request = Buffer.from(Array.from({ length: Math.floor(random() * 120) }, byte));
    else if (kind < 0.6) request = request.subarray(0, Math.floor(random() * request.length));
    for (let n = Math.floor(random() * 4); n > 0 && request.length > 0; n--) {
      request[Math.floor(random() * request.length)] = byte();
    }
    // Mostly a believable length and opcode, so that more than the header is tried.
    if (random() < 0.9 && request.length >= 8) {
      request.writeUInt32LE(request.length, 0);
      request.writeUInt32LE(Math.floor(random() * 55), 4);
    }
    device.answers.length = 0;
    serveRequest(service, request);
    if (device.answers.length > 1)
      return void t.fail(`${request.toString('hex')}: ${device.answers.length} answers`);
  }
  t.pass('100 000 requests');
  t.equal(fileSystem.heldReads, 0);
  t.end();
});
