import { TidecacheError } from '@tidecache/protocol';
import { t } from 'tap';
import { makeWorld, readAll } from '../support/world.js';

const names = (entries: { name: string }[]) => entries.map(({ name }) => name);
const question = (ino: number, after = '', limit = 1000) => ({ ino, after, limit, isAbandoned: () => false });

t.test('everything, in pages of any size, listed once while it may be believed', async (t) => {
  const world = await makeWorld(t);
  const wanted = ['a', 'a-b', 'b/', 'c\nd', 'é', '文 件', '\uffee', '😀'];
  for (const key of wanted) world.origin.put(key.endsWith('/') ? `${key}x` : key);
  const { root } = await world.addDataset({ ttlMs: 1000 });
  for (const pageEntries of [1, 3, 1000]) {
    world.origin.pageEntries = pageEntries;
    for (const limit of [1, 2, 7, 100]) {
      const entries = await readAll(world, root, limit);
      t.same(
        names(entries),
        wanted.map((name) => name.replace('/', '')),
      );
    }
    world.time.advance(5_000_000);
  }
  t.equal(world.origin.calls.list, 8 + 3 + 1);
});

t.test('the first page is answered before the second is there', async (t) => {
  const world = await makeWorld(t);
  world.origin.pageEntries = 2;
  for (const key of ['a', 'b', 'c', 'd']) world.origin.put(key);
  const { root } = await world.addDataset('once');
  const list = world.origin.list.bind(world.origin);
  let release = () => {};
  world.origin.list = (directory, call) => {
    if (call.after !== undefined) release = world.origin.hold();
    return list(directory, call);
  };
  const first = await world.readdir.readdir(question(root));
  t.same(names(first.entries), ['a', 'b']);
  t.equal(world.store.listed(root), undefined, 'the listing is not over');
  const second = world.readdir.readdir(question(root, first.next));
  release();
  t.same(names((await second).entries), ['c', 'd']);
});

t.test('readers at once share one listing', async (t) => {
  const world = await makeWorld(t);
  world.origin.pageEntries = 10;
  for (let i = 0; i < 95; i++) world.origin.put(`f${i}`);
  const { root } = await world.addDataset('always');
  const all = await Promise.all(Array.from({ length: 8 }, () => readAll(world, root, 7)));
  for (const entries of all) t.equal(new Set(names(entries)).size, 95);
  t.equal(world.origin.calls.list, 10);
});

t.test('always: listed at each beginning, not at each page', async (t) => {
  const world = await makeWorld(t);
  for (let i = 0; i < 50; i++) world.origin.put(`f${i}`);
  const { root } = await world.addDataset('always');
  await readAll(world, root, 10);
  t.equal(world.origin.calls.list, 1);
  world.origin.put('new');
  t.ok(names(await readAll(world, root, 10)).includes('new'));
  t.equal(world.origin.calls.list, 2);
});

t.test('how long a listing may be believed', async (t) => {
  const world = await makeWorld(t);
  world.origin.put('a');
  const { root } = await world.addDataset({ ttlMs: 1000 });
  await readAll(world, root);
  world.time.advance(600);
  t.equal((await world.readdir.readdir(question(root))).validMs, 400);
  const { root: always } = await world.addDataset('always', '/always');
  t.equal((await world.readdir.readdir(question(always))).validMs, 0);
  world.time.advance(600);
  world.origin.failure = new TidecacheError('UNREACHABLE', 'away');
  const stale = await world.readdir.readdir(question(root));
  t.match([stale.validMs, names(stale.entries)], [0, ['a']], 'an old one, since the origin is away');
});

t.test('a name that is new in a listed directory is told to who may keep the listing', async (t) => {
  const world = await makeWorld(t);
  world.origin.put('a');
  const { root } = await world.addDataset({ ttlMs: 1000 });
  const told = () => world.told.entries.filter((what) => what.startsWith(`${root}/`));
  await readAll(world, root);
  t.same(told(), [], 'nobody has listed it before');
  world.origin.put('b');
  world.time.advance(2000);
  await readAll(world, root);
  t.same(told(), [`${root}/b`]);
});

t.test('a file and a directory of one name show once, as the directory', async (t) => {
  const world = await makeWorld(t);
  for (const key of ['a', 'a-1', 'a/x', 'b']) world.origin.put(key);
  const { root } = await world.addDataset('once');
  for (const limit of [1, 2, 100]) {
    const entries = await readAll(world, root, limit);
    t.same(names(entries), ['a', 'a-1', 'b']);
    t.equal(entries[0]?.inode.kind, 'directory');
  }
});

t.test('keys that can not be paths are counted, and told once a directory and reason', async (t) => {
  const world = await makeWorld(t);
  world.origin.pageEntries = 2;
  for (let i = 0; i < 6; i++) world.origin.put(`f${i}`);
  world.origin.skipped = { 'empty-name': 2, nul: 0 };
  const { root } = await world.addDataset('always');
  await readAll(world, root);
  await readAll(world, root);
  t.equal(world.warnings.length, 1);
  t.match(world.warnings[0]?.fields, { directory: '/data', reason: 'empty-name' });
  const metrics = await world.metrics.registry.metrics();
  t.match(metrics, /tidecache_master_skipped_keys_total\{reason="empty-name"\} 12/);
});

t.test('the origin is away: an old listing is served; without one, the error', async (t) => {
  const world = await makeWorld(t);
  world.origin.put('d/f');
  const { root } = await world.addDataset({ ttlMs: 100 });
  const [d] = await readAll(world, root);
  world.time.advance(1000);
  world.origin.failure = new TidecacheError('ORIGIN_FAILED', '503');
  const [stale] = await readAll(world, root);
  t.equal(stale?.name, 'd');
  t.equal(stale?.validMs, 1000);
  await t.rejects(readAll(world, d?.inode.ino ?? 0), { code: 'ORIGIN_FAILED' });
});

t.test('an origin that lists out of order, or for ever, is not believed', async (t) => {
  const world = await makeWorld(t);
  const { root } = await world.addDataset('once');
  const item = (key: string) => ({ kind: 'file' as const, key, size: 1, mtimeMs: 0, version: 'v' });
  world.origin.list = async () => ({ items: [item('b'), item('a')], skipped: {} });
  await t.rejects(readAll(world, root), { code: 'CORRUPT', message: /out of order/ });
  world.origin.list = async () => ({ items: [], next: 'same', skipped: {} });
  await t.rejects(readAll(world, root), { code: 'CORRUPT', message: /same place/ });
});

t.test('a reader that gave up stops waiting, and the listing goes on for others', async (t) => {
  const world = await makeWorld(t);
  world.origin.pageEntries = 1;
  for (const key of ['a', 'b', 'c']) world.origin.put(key);
  const { root } = await world.addDataset('once');
  const gone = world.readdir.readdir({ ino: root, after: 'b', limit: 10, isAbandoned: () => true });
  await t.rejects(gone, { code: 'CANCELLED' });
  t.same(names(await readAll(world, root)), ['a', 'b', 'c']);
});

t.test('an answer of long names stays within a frame', async (t) => {
  const world = await makeWorld(t);
  const deep = Array(14).fill('x'.repeat(250)).join('/');
  for (let i = 0; i < 500; i++) world.origin.put(`${deep}/${String(i).padStart(3, '0')}${'y'.repeat(250)}`);
  await world.addDataset('once');
  const { inode } = await world.walk(`/data/${deep}`);
  const first = await world.readdir.readdir(question(inode.ino, '', 2048));
  t.ok(first.entries.length < 500);
  t.ok(first.entries.length > 10);
  t.equal((await readAll(world, inode.ino, 2048)).length, 500);
});
