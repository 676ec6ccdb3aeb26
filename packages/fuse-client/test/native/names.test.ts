import { inodeId, ROOT_INODE } from '@tidecache/protocol';
import { t } from 'tap';
import { MAX_CACHED_NAMES } from '../../src/limits.js';
import { Names } from '../../src/native/names.js';
import { memoryFileSystem } from '../../src/testing/index.js';

function setUp() {
  const memory = memoryFileSystem({ a: { b: { file: 5 } } }, { entryValidMs: 1000 });
  const clock = { nowMs: 0 };
  let lookups = 0;
  const counted = {
    getattr: memory.getattr,
    lookup: (parent: Parameters<typeof memory.lookup>[0], name: string) => {
      lookups++;
      return memory.lookup(parent, name);
    },
  };
  const names = new Names(counted, () => clock.nowMs);
  return { memory, clock, names, lookups: () => lookups };
}

t.test('asks once, until the validity is over', async (t) => {
  const { names, clock, lookups } = setUp();
  t.equal((await names.resolve('/a/b/file')).size, 5);
  await names.resolve('/a/b/file');
  await names.resolve('/a/b');
  t.equal(lookups(), 3);
  clock.nowMs = 1000;
  await names.resolve('/a/b/file');
  t.equal(lookups(), 6);
  t.equal((await names.resolve('/')).ino, ROOT_INODE);
});

t.test('forgets one name, or a whole path', async (t) => {
  const { names, memory, lookups } = setUp();
  await names.resolve('/a/b/file');
  names.forget(inodeId(memory.find('a/b').ino), 'file');
  await names.resolve('/a/b/file');
  t.equal(lookups(), 4);
  names.forgetPath('/a/b/file');
  await names.resolve('/a/b/file');
  t.equal(lookups(), 7);
});

t.test('errors', async (t) => {
  const { names } = setUp();
  await t.rejects(names.resolve('/a/none'), { code: 'NOT_FOUND' });
  await t.rejects(names.resolve('/a/b/file/x'), { code: 'NOT_A_DIRECTORY' });
  await t.rejects(names.resolve(`/${'x'.repeat(256)}`), { code: 'NAME_TOO_LONG' });
});

t.test('is bounded', async (t) => {
  const { names, memory } = setUp();
  const answer = { inode: memory.find('a'), entryValidMs: 1000, attrValidMs: 1000 };
  for (let i = 0; i < 2 * MAX_CACHED_NAMES; i++) names.add(ROOT_INODE, `n${i}`, answer);
  t.ok(names.size <= MAX_CACHED_NAMES);
});
