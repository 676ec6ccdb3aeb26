import { TidecacheError } from '@tidecache/protocol';
import { t } from 'tap';
import { makeWorld } from '../support/world.js';

t.test('once: the record, without asking', async (t) => {
  const world = await makeWorld(t);
  world.origin.put('f');
  await world.addDataset('once');
  const { inode } = await world.walk('/data/f');
  world.origin.put('f', 'v2');
  t.same(await world.open.open(inode.ino), inode);
  t.equal(world.origin.calls.stat, 0);
});

t.test('ttl: asked when it ran out, and then believed anew', async (t) => {
  const world = await makeWorld(t);
  world.origin.put('f');
  const { root } = await world.addDataset({ ttlMs: 100 });
  const { inode } = await world.walk('/data/f');
  await world.open.open(inode.ino);
  t.equal(world.origin.calls.stat, 0);
  world.time.advance(100);
  t.same(await world.open.open(inode.ino), inode);
  await world.open.open(inode.ino);
  t.equal(world.origin.calls.stat, 1);
  world.time.advance(100);
  world.origin.put('f', 'v2');
  await t.rejects(async () => world.open.open(inode.ino), { code: 'STALE', message: /f is another version/ });
  t.ok(world.told.entries.includes(`${root}/f`));
  const now = await world.walk('/data/f');
  t.equal(now.inode.version, 'v2');
  t.equal((await world.open.open(now.inode.ino)).version, 'v2');
  await t.rejects(async () => world.open.open(inode.ino), { code: 'STALE' }, 'the old one stays stale');
  t.equal(world.tree.require(inode.ino).version, 'v1', 'while its record is there for who holds it');
});

t.test('always: asked at each open, once for those who ask together', async (t) => {
  const world = await makeWorld(t);
  world.origin.put('f');
  await world.addDataset('always');
  const { inode } = await world.walk('/data/f');
  const release = world.origin.hold();
  const both = [world.open.open(inode.ino), world.open.open(inode.ino)];
  release();
  await Promise.all(both);
  await world.open.open(inode.ino);
  t.equal(world.origin.calls.stat, 2);
});

t.test('a file that is gone is stale; one whose origin is away opens', async (t) => {
  const world = await makeWorld(t);
  world.origin.put('f');
  await world.addDataset('always');
  const { inode } = await world.walk('/data/f');
  world.origin.failure = new TidecacheError('TIMEOUT', 'slow');
  t.same(await world.open.open(inode.ino), inode);
  world.origin.failure = undefined;
  world.origin.objects.clear();
  await t.rejects(async () => world.open.open(inode.ino), { code: 'STALE' });
  await t.rejects(world.walk('/data/f'), { code: 'NOT_FOUND' });
});

t.test('a directory is not opened as a file', async (t) => {
  const world = await makeWorld(t);
  const { root } = await world.addDataset('once');
  t.throws(() => world.open.open(root), { code: 'IS_A_DIRECTORY', message: /\/data/ });
});

t.test('a reader that found a version gone: asked whatever the policy, and everyone is told', async (t) => {
  const world = await makeWorld(t);
  world.origin.put('f');
  const { root } = await world.addDataset('once');
  const { inode } = await world.walk('/data/f');
  t.equal(await world.open.stale(inode.ino), undefined);
  t.same(world.told.inodes, [], 'nothing changed: nothing told');
  world.origin.put('f', 'v2');
  t.equal(await world.open.stale(inode.ino), undefined);
  t.same(world.told.inodes, [inode.ino]);
  t.same(
    await world.open.stale(inode.ino),
    { entries: [{ parent: root, name: 'f' }], inodes: [inode.ino] },
    'who comes late is told alone',
  );
  t.equal(world.origin.calls.stat, 2);
  t.equal((await world.walk('/data/f')).inode.version, 'v2');
});
