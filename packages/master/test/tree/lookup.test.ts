import { TidecacheError } from '@tidecache/protocol';
import { t } from 'tap';
import { makeWorld, readAll } from '../support/world.js';

const away = new TidecacheError('UNREACHABLE', 'the origin is away');

t.test('a file, as it is told', async (t) => {
  const world = await makeWorld(t);
  world.origin.objects.set('a/f.csv', { version: '"e1"', size: 12, mode: 0o4755 });
  await world.addDataset({ ttlMs: 1000 });
  const { name, inode, validMs } = await world.walk('/data/a/f.csv');
  t.equal(name, 'f.csv');
  t.equal(validMs, 1000);
  t.match(inode, { kind: 'file', size: 12, mode: 0o755, datasetId: 1, key: 'a/f.csv', version: '"e1"' });
  t.equal(inode.blockBytes, 4 * 1024 * 1024);
});

t.test('once: asked once', async (t) => {
  const world = await makeWorld(t);
  world.origin.put('f');
  await world.addDataset('once');
  const first = await world.walk('/data/f');
  world.origin.put('f', 'v2');
  world.time.advance(86_400_000 * 30);
  t.same(await world.walk('/data/f'), first);
  t.equal(world.origin.calls.lookup, 1);
});

t.test('ttl: asked again when it ran out; unchanged keeps its id, changed gets another', async (t) => {
  const world = await makeWorld(t);
  world.origin.put('f');
  const { root } = await world.addDataset({ ttlMs: 1000 });
  const first = await world.walk('/data/f');
  world.time.advance(400);
  t.equal((await world.walk('/data/f')).validMs, 600);
  t.equal(world.origin.calls.lookup, 1);
  world.time.advance(600);
  const same = await world.walk('/data/f');
  t.equal(world.origin.calls.lookup, 2);
  t.equal(same.inode.ino, first.inode.ino);
  t.equal(same.validMs, 1000, 'and is believed anew');
  t.same(world.told.entries.includes(`${root}/f`), false);
  world.origin.put('f', 'v2');
  world.time.advance(1000);
  const changed = await world.walk('/data/f');
  t.not(changed.inode.ino, first.inode.ino);
  t.equal(changed.inode.version, 'v2');
  t.ok(world.told.entries.includes(`${root}/f`));
  t.same(world.told.inodes, [first.inode.ino]);
  t.ok(world.store.inode(first.inode.ino), 'the old record stays for open handles');
});

t.test('always: asked each time', async (t) => {
  const world = await makeWorld(t);
  world.origin.put('f');
  await world.addDataset('always');
  const first = await world.walk('/data/f');
  const second = await world.walk('/data/f');
  t.equal(world.origin.calls.lookup, 2);
  t.equal(second.validMs, 0);
  t.equal(second.inode.ino, first.inode.ino);
});

t.test('a change of mode alone keeps the id', async (t) => {
  const world = await makeWorld(t);
  world.origin.objects.set('f', { version: 'v', size: 1, mode: 0o600 });
  await world.addDataset('always');
  const first = await world.walk('/data/f');
  world.origin.objects.set('f', { version: 'v', size: 1, mode: 0o644 });
  const second = await world.walk('/data/f');
  t.equal(second.inode.ino, first.inode.ino);
  t.equal(second.inode.mode, 0o644);
});

t.test('many who ask at once ask the origin once', async (t) => {
  const world = await makeWorld(t);
  world.origin.put('f');
  const { root } = await world.addDataset('always');
  const release = world.origin.hold();
  const all = Array.from({ length: 50 }, async () => world.lookup.lookup(root, 'f'));
  release();
  const inos = new Set((await Promise.all(all)).map(({ inode }) => inode.ino));
  t.equal(inos.size, 1);
  t.equal(world.origin.calls.lookup, 1);
});

t.test('a name that is not there is remembered for its time', async (t) => {
  const world = await makeWorld(t);
  const { root } = await world.addDataset({ ttlMs: 500 });
  const ask = async () => world.lookup.lookup(root, 'nope');
  await t.rejects(ask(), { code: 'NOT_FOUND', message: /"nope" in \/data/ });
  await t.rejects(ask(), { code: 'NOT_FOUND' });
  t.equal(world.origin.calls.lookup, 1);
  world.origin.put('nope');
  world.time.advance(500);
  t.equal((await ask()).inode.kind, 'file');
});

t.test('a complete listing that may be believed answers for what is not in it', async (t) => {
  const world = await makeWorld(t);
  world.origin.put('f');
  const { root } = await world.addDataset({ ttlMs: 1000 });
  await readAll(world, root);
  t.throws(() => world.lookup.lookup(root, 'nope'), { code: 'NOT_FOUND' });
  t.equal((await world.walk('/data/f')).inode.key, 'f');
  t.equal(world.origin.calls.lookup, 0);
});

t.test('a name that went is forgotten and told', async (t) => {
  const world = await makeWorld(t);
  world.origin.put('d/f');
  const { root } = await world.addDataset({ ttlMs: 1000 });
  const { inode } = await world.walk('/data/d/f');
  world.origin.objects.clear();
  world.time.advance(1000);
  await t.rejects(world.walk('/data/d'), { code: 'NOT_FOUND' });
  t.ok(world.told.entries.includes(`${root}/d`));
  while (world.sweeper.step());
  await t.rejects(async () => world.open.open(inode.ino), { code: 'STALE' });
});

t.test('a directory wins over a file of its name, and a file takes the place of a directory', async (t) => {
  const world = await makeWorld(t);
  world.origin.put('x');
  const { root } = await world.addDataset('always');
  const file = await world.walk('/data/x');
  world.origin.put('x/y');
  t.equal((await world.walk('/data/x')).inode.kind, 'directory');
  world.origin.objects.delete('x/y');
  const again = await world.walk('/data/x');
  t.equal(again.inode.kind, 'file');
  t.equal(again.inode.ino, file.inode.ino, 'unchanged all the while');
  t.ok(world.told.entries.includes(`${root}/x`));
});

t.test('the origin is away: what is known is served for a moment, what is not says so', async (t) => {
  const world = await makeWorld(t);
  world.origin.put('f');
  const { root } = await world.addDataset({ ttlMs: 100 });
  const { inode } = await world.walk('/data/f');
  world.time.advance(500);
  world.origin.failure = away;
  const stale = await world.lookup.lookup(root, 'f');
  t.same(stale.inode, inode);
  t.equal(stale.validMs, 1_000);
  await t.rejects(async () => world.lookup.lookup(root, 'g'), { code: 'UNREACHABLE' });
  world.origin.failure = new TidecacheError('ACCESS_DENIED', '403');
  await t.rejects(
    async () => world.lookup.lookup(root, 'f'),
    { code: 'ACCESS_DENIED' },
    'a refusal is an answer',
  );
});

t.test('names and parents that can not be', async (t) => {
  const world = await makeWorld(t);
  world.origin.put('f');
  const { root } = await world.addDataset('once');
  const { inode } = await world.walk('/data/f');
  const look = async (parent: number, name: string) => world.lookup.lookup(parent, name);
  for (const name of ['', '.', '..', 'a/b']) await t.rejects(look(root, name), { code: 'INVALID' });
  await t.rejects(look(root, 'x'.repeat(256)), { code: 'NAME_TOO_LONG' });
  await t.rejects(look(root, '文'.repeat(86)), { code: 'NAME_TOO_LONG' });
  await t.rejects(look(inode.ino, 'x'), { code: 'NOT_A_DIRECTORY' });
  await t.rejects(look(999_999, 'x'), { code: 'STALE' });
  await t.rejects(look(1, 'nope'), { code: 'NOT_FOUND' });
  t.equal(world.origin.calls.lookup, 1);
});

t.test('the dataset is removed while the origin is asked', async (t) => {
  const world = await makeWorld(t);
  world.origin.put('f');
  const { root } = await world.addDataset('once');
  const release = world.origin.hold();
  const asked = t.rejects(async () => world.lookup.lookup(root, 'f'), { code: 'STALE' });
  await world.datasets.remove('/data');
  release();
  await asked;
});
