import type { FileHandle } from '@tidecache/client';
import { type InodeId, inodeId, TidecacheError } from '@tidecache/protocol';
import { t } from 'tap';
import { InodeFiles } from '../src/inode-files.js';
import { INODE_FILE_IDLE_MS, MAX_INODE_FILES } from '../src/limits.js';
import { FILE } from './support/fake-client.js';

const LENT = inodeId(99);

/** A client that counts what is open, whose files can be made stale, and that opens at once or later. */
function setUp(later = false) {
  const open = new Set<FileHandle>();
  const stale = new Set<FileHandle>();
  let now = 0;
  const openVersion = (ino: InodeId) => {
    const file: FileHandle = {
      inode: { ...FILE, ino },
      read(offset, length) {
        if (!open.has(file)) throw new Error('read of a closed file');
        if (stale.has(file)) throw new TidecacheError('STALE', 'gone');
        return { parts: [Buffer.alloc(length, offset)], bytes: length, release() {} };
      },
      readInto: () => Promise.reject(new Error('not used')),
      close: () => void open.delete(file),
    };
    open.add(file);
    return later ? Promise.resolve(file) : file;
  };
  const lent = (ino: InodeId) => (ino === LENT ? { parts: [], bytes: 0, release() {} } : undefined);
  const files = new InodeFiles({ openVersion, lent }, () => now);
  const wait = (ms: number) => {
    now += ms;
  };
  return { files, open, stale, wait };
}

t.test('a file is opened once, and closed when it is idle', async (t) => {
  const { files, open, wait } = setUp();
  t.match(await files.read(inodeId(7), 5, 3), { bytes: 3, parts: [Buffer.alloc(3, 5)] });
  await files.read(inodeId(7), 0, 1);
  t.equal(open.size, 1);
  wait(INODE_FILE_IDLE_MS + 1);
  await files.read(inodeId(8), 0, 1);
  t.equal(open.size, 1, 'the first one is closed');
  t.match(await files.read(inodeId(7), 0, 1), { bytes: 1 }, 'and opened again');
});

t.test('what was lent is not opened', async (t) => {
  const { files, open } = setUp();
  t.match(await files.read(LENT, 0, 4096), { bytes: 0 });
  t.equal(open.size, 0);
});

t.test('reads that come together open one file', async (t) => {
  const { files, open } = setUp(true);
  const answers = await Promise.all([0, 1, 2].map((offset) => files.read(inodeId(7), offset, 1)));
  t.same(
    answers.map(({ parts }) => parts[0]?.[0]),
    [0, 1, 2],
  );
  t.equal(open.size, 1);
});

t.test('no more are open than may be', async (t) => {
  const { files, open } = setUp();
  for (let i = 0; i < MAX_INODE_FILES + 10; i++) await files.read(inodeId(10 + i), 0, 1);
  t.equal(open.size, MAX_INODE_FILES);
  t.equal(files.size, MAX_INODE_FILES);
});

t.test('all are closed at the end, also one that is still being opened', async (t) => {
  const { files, open } = setUp(true);
  await files.read(inodeId(7), 0, 1);
  const late = files.read(inodeId(8), 0, 1);
  t.equal(open.size, 2);
  files.close();
  await t.rejects(Promise.resolve(late), { code: 'CANCELLED' });
  t.equal(open.size, 0);
});

t.test('a stale one is opened anew for the next reader', async (t) => {
  const { files, open, stale } = setUp();
  await files.read(inodeId(7), 0, 1);
  for (const file of open) stale.add(file);
  t.match(await files.read(inodeId(7), 0, 1), { bytes: 1 });
  t.equal(open.size, 1);
});
