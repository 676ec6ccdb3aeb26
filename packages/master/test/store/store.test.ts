import { ROOT_INODE } from '@tidecache/protocol';
import { t } from 'tap';
import { SCHEMA_VERSION, type StoredInode } from '../../src/store/codec.js';
import { Store } from '../../src/store/store.js';
import { realTimers } from '../../src/util/timers.js';
import { tempDir } from '../support/temp-dir.js';

const file = (ino: StoredInode['ino'], key: string): StoredInode => ({
  ino,
  parent: ROOT_INODE,
  kind: 'file',
  isDatasetRoot: false,
  size: 5,
  mtimeMs: 1.5,
  mode: 0o644,
  datasetId: 1,
  key,
  version: 'v1',
  uid: 7,
  gid: 8,
});

t.test('what is written is there after reopening, and ids go on', async (t) => {
  const dir = tempDir(t);
  const first = await Store.open(dir, realTimers);
  const inode = first.write('adding', () => {
    const made = file(first.allocateIno(), 'a.csv');
    first.putInode(made);
    first.putEntry(ROOT_INODE, { raw: 'a.csv', ino: made.ino, checkedMs: 42 });
    first.putListed(ROOT_INODE, { startedMs: 1, endedMs: 2 });
    return made;
  });
  const { clusterId } = first;
  await first.close();
  const second = await Store.open(dir, realTimers);
  t.teardown(() => second.close());
  t.equal(second.clusterId, clusterId);
  t.same(second.inode(inode.ino), inode);
  t.same(second.entry(ROOT_INODE, 'a.csv'), { raw: 'a.csv', ino: inode.ino, checkedMs: 42 });
  t.same(second.listed(ROOT_INODE), { startedMs: 1, endedMs: 2 });
  t.ok(second.isCurrent(inode));
  const next = second.write('adding', () => second.allocateIno());
  t.ok(next > inode.ino, 'an id is never given twice');
});

t.test('a write that throws leaves nothing', async (t) => {
  const store = await Store.open(tempDir(t), realTimers);
  t.teardown(() => store.close());
  t.throws(
    () =>
      store.write('half', () => {
        store.putInode(file(store.allocateIno(), 'half'));
        store.putEntry(ROOT_INODE, { raw: 'half', ino: ROOT_INODE, checkedMs: 0 });
        throw new Error('stop');
      }),
    { code: 'INTERNAL', message: /half.*stop/ },
  );
  t.equal(store.entry(ROOT_INODE, 'half'), undefined);
});

t.test('entries come in the order of their UTF-8 bytes, within bounds', async (t) => {
  const store = await Store.open(tempDir(t), realTimers);
  t.teardown(() => store.close());
  const names = ['a', 'a-b', 'a/', 'é', '\uffee', '😀', '\n'];
  store.write('adding', () => {
    for (const raw of names) store.putEntry(5, { raw, ino: ROOT_INODE, checkedMs: 0 });
    store.putEntry(4, { raw: 'zz', ino: ROOT_INODE, checkedMs: 0 });
    store.putEntry(6, { raw: '', ino: ROOT_INODE, checkedMs: 0 });
  });
  const raws = (after: string, upTo?: string, limit = 100) =>
    store.entries(5, after, upTo, limit).map(({ raw }) => raw);
  t.same(raws(''), ['\n', 'a', 'a-b', 'a/', 'é', '\uffee', '😀']);
  t.same(raws('a', 'é'), ['a-b', 'a/', 'é']);
  t.same(raws('a', undefined, 2), ['a-b', 'a/']);
  t.same(raws('😀'), []);
});

t.test('a layout of another version is refused, with both versions', async (t) => {
  const dir = tempDir(t);
  const store = await Store.open(dir, realTimers);
  store.write('faking', () => store.putCounter('schema', SCHEMA_VERSION + 1));
  await store.close();
  await t.rejects(Store.open(dir, realTimers), {
    code: 'INVALID',
    message: new RegExp(`${dir}.*version ${SCHEMA_VERSION + 1}.*version ${SCHEMA_VERSION}`),
  });
  await t.rejects(Store.open(dir, realTimers), { code: 'INVALID' }, 'and leaves no lock behind');
});

t.test('replaced records go when their day is over, the oldest first', async (t) => {
  const store = await Store.open(tempDir(t), realTimers);
  t.teardown(() => store.close());
  const [old, young] = store.write('adding', () => {
    const inodes = [file(store.allocateIno(), 'old'), file(store.allocateIno(), 'young')] as const;
    for (const inode of inodes) store.putInode(inode);
    store.retire(inodes[0].ino, 1_000);
    store.retire(inodes[1].ino, 2_000);
    return inodes;
  });
  t.notOk(store.hasRetired(1_000));
  t.ok(store.hasRetired(1_001));
  t.equal(
    store.write('sweeping', () => store.sweepRetired(2_000, 10)),
    1,
  );
  t.equal(store.inode(old.ino), undefined);
  t.ok(store.inode(young.ino));
});
