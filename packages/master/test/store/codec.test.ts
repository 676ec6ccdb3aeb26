import { inodeId } from '@tidecache/protocol';
import { t } from 'tap';
import {
  entryKey,
  idFromKey,
  idKey,
  inodeFromTuple,
  inodeToTuple,
  nameOf,
  rawFromEntryKey,
  rawNameOf,
  type StoredInode,
} from '../../src/store/codec.js';

const directory: StoredInode = {
  ino: inodeId(9),
  parent: inodeId(2),
  kind: 'directory',
  isDatasetRoot: false,
  size: 0,
  mtimeMs: 1.25,
  mode: 0o555,
  datasetId: 3,
  key: 'a/b/',
  version: undefined,
  uid: undefined,
  gid: undefined,
};

t.test('ids keep their order as keys, up to 2^53', async (t) => {
  const ids = [0, 1, 255, 256, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];
  t.same(
    ids.map((id) => idFromKey(idKey(id))),
    ids,
  );
  const keys = ids.map(idKey);
  t.same([...keys].sort(Buffer.compare), keys);
});

t.test('golden keys', async (t) => {
  t.equal(entryKey(0x102, 'aé/').toString('hex'), '000000000000010261c3a92f');
  t.equal(entryKey(0x102, undefined).toString('hex'), '0000000000000103');
  t.equal(rawFromEntryKey(entryKey(7, '文/')), '文/');
});

t.test('inodes of every kind come back as they were', async (t) => {
  const { key: _, ...rest } = directory;
  const samples: StoredInode[] = [
    directory,
    { ...rest, key: 'root/', isDatasetRoot: true },
    { ...rest, kind: 'file', key: 'a/f', version: 'v', size: 2 ** 40 },
    { ...rest, kind: 'file', key: 'a/f', version: 'v', uid: 0, gid: 5 },
    { ...rest, kind: 'file', key: 'a/f', uid: 1000 },
  ];
  for (const inode of samples) t.same(inodeFromTuple(inode.ino, inodeToTuple(inode)), inode);
});

t.test('raw names', async (t) => {
  t.equal(rawNameOf(directory), 'b/');
  t.equal(rawNameOf({ ...directory, kind: 'file', key: 'f' }), 'f');
  t.equal(rawNameOf({ ...directory, kind: 'file', key: 'a/b/f.csv' }), 'f.csv');
  t.equal(nameOf('b/'), 'b');
  t.equal(nameOf('b'), 'b');
});
