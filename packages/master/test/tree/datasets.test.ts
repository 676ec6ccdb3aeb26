import { TidecacheError } from '@tidecache/protocol';
import { t } from 'tap';
import { makeWorld, readAll } from '../support/world.js';

const wanted = (path: string) => ({
  path,
  uri: 's3://bucket',
  readOnly: true,
  metadata: 'once' as const,
  blockBytes: 4 * 1024 * 1024,
  options: {},
});

t.test('datasets stand in the tree below directories made for them', async (t) => {
  const world = await makeWorld(t);
  await world.datasets.add(wanted('/a/b/one'));
  await world.datasets.add(wanted('/a/two/'));
  const names = async (path: string) => {
    const ino = path === '/' ? 1 : (await world.walk(path)).inode.ino;
    return (await readAll(world, ino)).map(({ name }) => name);
  };
  t.same(await names('/'), ['a']);
  t.same(await names('/a'), ['b', 'two']);
  t.same(await names('/a/b'), ['one']);
  const root = (await world.walk('/a/two')).inode;
  t.equal(root.key, '');
  t.equal(root.datasetId, 2);
  t.equal((await world.walk('/a')).inode.datasetId, undefined);
  t.equal(world.datasets.at('/a/two/').id, 2);
  t.throws(() => world.datasets.at('/nope'), { code: 'NOT_FOUND', message: /\/nope/ });
});

t.test('an origin that refuses, or a path that is taken, leaves nothing', async (t) => {
  const world = await makeWorld(t);
  world.origin.failure = new TidecacheError('ACCESS_DENIED', 'cannot open s3://bucket: 403 AccessDenied');
  await t.rejects(world.datasets.add(wanted('/x/y')), { code: 'ACCESS_DENIED', message: /403/ });
  world.origin.failure = undefined;
  await t.rejects(world.datasets.add({ ...wanted('/x/y'), uri: 'ftp://x' }), { code: 'INVALID' });
  await world.datasets.add(wanted('/a/b'));
  await t.rejects(world.datasets.add(wanted('/a/b')), { code: 'ALREADY_EXISTS' });
  await t.rejects(world.datasets.add(wanted('/a')), { code: 'INVALID', message: /nest/ });
  t.same(
    (await readAll(world, 1)).map(({ name }) => name),
    ['a'],
  );
  t.equal(world.datasets.list().generation, 1);
});

t.test('two at once at one place: one gets it', async (t) => {
  const world = await makeWorld(t);
  const release = world.origin.hold();
  const both = Promise.allSettled([world.datasets.add(wanted('/a')), world.datasets.add(wanted('/a'))]);
  release();
  t.same(
    (await both).map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
});

t.test('a removed one goes at once, its inodes soon, its ids never come again', async (t) => {
  const world = await makeWorld(t);
  for (let i = 0; i < 2500; i++) world.origin.put(`d${i % 3}/f${i}`);
  const { dataset, root } = await world.addDataset('once', '/a/b');
  for (const { inode } of await readAll(world, root)) await readAll(world, inode.ino);
  t.equal(world.tree.inodeCount(dataset.id), 2503);
  const file = (await world.walk('/a/b/d0/f0')).inode;
  await world.datasets.remove('/a/b');
  t.ok(world.origin.closed);
  t.ok(world.told.entries.includes('1/a'), 'the highest name that went is told');
  t.same(await readAll(world, 1), []);
  await t.rejects(world.walk('/a'), { code: 'NOT_FOUND' });
  await t.rejects(async () => world.open.open(file.ino), { code: 'STALE' });
  t.throws(() => world.lookup.lookup(root, 'd0'), { code: 'STALE' });
  while (world.sweeper.step());
  t.equal(world.store.inode(root), undefined);
  t.equal(world.store.removedDirectory(), undefined);
  t.same(world.store.entries(root, '', undefined, 10), []);
  t.ok(world.store.inode(file.ino), 'a file stays a day, for open handles');
  world.time.advance(25 * 3_600_000);
  while (world.sweeper.step());
  t.equal(world.store.inode(file.ino), undefined);
  const again = await world.addDataset('once', '/a/b');
  t.ok(again.dataset.id > dataset.id);
  t.ok(again.root > file.ino);
  t.ok(world.told.entries.includes('1/a'));
});

t.test('datasets, ids and generation are there after a restart, with the origin away', async (t) => {
  const world = await makeWorld(t);
  world.origin.put('x/y.csv');
  await world.addDataset('once');
  const before = await world.walk('/data/x/y.csv');
  const { generation } = world.datasets.list();
  world.origin.failure = new TidecacheError('UNREACHABLE', 'away');
  const after = await world.restart();
  t.same(await after.walk('/data/x/y.csv'), before);
  t.equal(after.datasets.list().generation, generation);
  t.equal(after.tree.inodeCount(1), 2);
});
