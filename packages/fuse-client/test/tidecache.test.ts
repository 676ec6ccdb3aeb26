import { inodeId, ROOT_INODE } from '@tidecache/protocol';
import { t } from 'tap';
import { createFileSystem } from '../src/index.js';
import { FILE_ATTR_VALID_MS, OPENLESS_ENTRY_VALID_MS } from '../src/limits.js';
import { DIRECTORY, FILE, fakeClient } from './support/fake-client.js';

t.test('names and attributes, and how long they are believed', async (t) => {
  const { client } = fakeClient(10);
  const fileSystem = createFileSystem(client);
  t.match(await fileSystem.lookup(ROOT_INODE, 'file'), {
    inode: FILE,
    entryValidMs: 700,
    attrValidMs: FILE_ATTR_VALID_MS,
  });
  t.match(await fileSystem.lookup(ROOT_INODE, 'd'), {
    inode: DIRECTORY,
    entryValidMs: 700,
    attrValidMs: 700,
  });
  t.match(await fileSystem.getattr(inodeId(FILE.ino)), { inode: FILE, attrValidMs: FILE_ATTR_VALID_MS });
  t.match(await fileSystem.statfs(), { maxNameBytes: 255 });
});

t.test('open files', async (t) => {
  const { client, openHandles } = fakeClient(10);
  const fileSystem = createFileSystem(client);
  const { handle, keepCache } = await fileSystem.open(inodeId(FILE.ino));
  t.ok(keepCache);
  t.match(await fileSystem.read(handle, 7, 3), { bytes: 3, parts: [Buffer.alloc(3, 7)] });
  t.equal(openHandles(), 1);
  fileSystem.release(handle);
  fileSystem.release(handle);
  t.equal(openHandles(), 0);
  t.throws(() => fileSystem.read(handle, 0, 1), { code: 'INVALID' });
  t.throws(() => fileSystem.open(inodeId(DIRECTORY.ino)), { code: 'IS_A_DIRECTORY' });
});

t.test('without opens, a name is believed for a short time, and files are read by their inode', async (t) => {
  const { client, openHandles } = fakeClient(10);
  const longLived = { ...client, lookup: () => ({ name: 'file', inode: FILE, validMs: 1e12 }) };
  const fileSystem = createFileSystem(longLived, { openless: true });
  t.match(await fileSystem.lookup(ROOT_INODE, 'file'), { entryValidMs: OPENLESS_ENTRY_VALID_MS });
  t.match(await fileSystem.readInode?.(inodeId(FILE.ino), 7, 3), { bytes: 3, parts: [Buffer.alloc(3, 7)] });
  t.equal(openHandles(), 1);
  t.equal(createFileSystem(client).readInode, undefined);
});

t.test('extended attributes', async (t) => {
  const { client } = fakeClient(10);
  const fileSystem = createFileSystem(client, { xattrs: true });
  const get = async (ino: number, name: string) =>
    (await fileSystem.getxattr?.(inodeId(ino), name))?.toString();
  t.equal(await get(FILE.ino, 'user.tidecache.version'), '"etag"');
  t.equal(await get(FILE.ino, 'user.tidecache.dataset'), '/prices');
  t.equal(await get(FILE.ino, 'user.tidecache.origin'), 's3://bucket/prefix/sub/数据.csv');
  t.equal(await get(DIRECTORY.ino, 'user.tidecache.origin'), 's3://bucket/prefix');
  t.equal(await get(DIRECTORY.ino, 'user.tidecache.version'), undefined);
  t.equal(await get(FILE.ino, 'security.capability'), undefined);
  t.same(await fileSystem.listxattr?.(inodeId(DIRECTORY.ino)), [
    'user.tidecache.dataset',
    'user.tidecache.origin',
  ]);
  const without = createFileSystem(client);
  t.same([without.getxattr, without.listxattr], [undefined, undefined], 'unless asked for, there are none');
});
