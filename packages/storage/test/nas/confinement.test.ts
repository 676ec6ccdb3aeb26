/** Nothing outside a root is ever seen, and nothing in it hangs a reader. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { t } from 'tap';
import { NAS_READ_BYTES } from '../../src/limits.js';
import { Budget, FsGate } from '../../src/nas/gate.js';
import { NasRoot } from '../../src/nas/root.js';
import { openOrigin } from '../../src/open.js';
import { keysOf, listAll } from '../../src/testing/suite/tools.js';

const CALL = { deadlineMs: 10_000 };

const world = async (t: { teardown(fn: () => unknown): void }) => {
  const top = await mkdtemp(join(tmpdir(), 'tidecache-root-'));
  const root = join(top, 'root');
  const outside = join(top, 'outside');
  await mkdir(root);
  await mkdir(outside);
  await writeFile(join(outside, 'secret'), 'secret');
  const origin = openOrigin(`nas://${root}`);
  t.teardown(async () => {
    await origin.close();
    await rm(top, { recursive: true, force: true });
  });
  return { top, root, outside, origin };
};

t.test('symlinks that lead out, nowhere or in circles are left out and counted', async (t) => {
  const { root, outside, origin } = await world(t);
  await mkdir(join(root, 'a/b'), { recursive: true });
  await writeFile(join(root, 'a/b/file'), 'inside');
  await symlink('a/b/file', join(root, 'good-file'));
  await symlink('a/b', join(root, 'good-directory'));
  await symlink(join(root, 'a/b/file'), join(root, 'good-absolute'));
  await symlink(join(outside, 'secret'), join(root, 'out-file'));
  await symlink(outside, join(root, 'out-directory'));
  await symlink('../outside/secret', join(root, 'out-relative'));
  await symlink('nowhere', join(root, 'dangling'));
  await symlink('self', join(root, 'self'));
  await symlink('..', join(root, 'a/up'));
  await symlink('../../root', join(root, 'a/out-and-in'));
  // A sibling whose name begins like the root's.
  await mkdir(`${root}-2`);
  await writeFile(join(`${root}-2`, 'x'), 'x');
  await symlink(`../${'root-2'}/x`, join(root, 'out-sibling'));

  const { items, skipped } = await listAll(origin, '');
  t.same(keysOf(items), ['a/', 'good-absolute', 'good-directory/', 'good-file']);
  t.same(skipped, { 'escapes-root': 6 });
  const inner = await listAll(origin, 'a/');
  t.same(keysOf(inner.items), ['a/b/']);
  t.same(inner.skipped, { 'escapes-root': 2 }, 'a directory above itself would have no end');
  const deep = await listAll(origin, '', { recursive: true });
  t.same(keysOf(deep.items), ['a/b/file', 'good-absolute', 'good-directory/file', 'good-file']);

  for (const key of [
    'out-file',
    'out-directory',
    'out-directory/secret',
    'dangling',
    'self',
    'a/up',
    'a/up/a',
    'out-sibling',
  ]) {
    t.equal(await origin.lookup(key, CALL), undefined, `no ${key}`);
    await t.rejects(origin.stat(key, CALL), { code: 'NOT_FOUND' });
  }
  await t.rejects(origin.list('out-directory/', CALL), { code: 'NOT_FOUND' });
  await t.rejects(origin.list('a/up/', CALL), { code: 'NOT_FOUND' });
  const through = await origin.stat('good-directory/file', CALL);
  const into = Buffer.alloc(6);
  await origin.read('good-directory/file', { ...CALL, version: through.version, offset: 0, length: 6, into });
  t.equal(into.toString(), 'inside');
  t.same(await origin.stat('good-file', CALL), {
    ...(await origin.stat('a/b/file', CALL)),
    key: 'good-file',
  });
});

t.test('writes do not follow a way out', async (t) => {
  const { root, outside, origin } = await world(t);
  await symlink(outside, join(root, 'out'));
  await t.rejects(origin.write('out/new', Buffer.from('x'), CALL), { code: 'NOT_FOUND' });
  await t.rejects(origin.write('out/deep/new', Buffer.from('x'), CALL), { code: 'NOT_FOUND' });
  await t.resolves(origin.delete('out/secret', CALL), 'what is not in the tree is deleted already');
  await writeFile(join(root, 'file'), 'x');
  await t.rejects(origin.rename('file', 'out/file', CALL), { code: 'NOT_FOUND' });
  t.same(
    (await listAll(openOrigin(`nas://${outside}`), '')).items.map((item) => item.key),
    ['secret'],
  );
  // A symlink in the place of the file itself is replaced, not followed.
  await symlink(join(outside, 'secret'), join(root, 'link'));
  await origin.write('link', Buffer.from('mine'), CALL);
  t.equal((await origin.stat('link', CALL)).size, 4);
  const secret = await openOrigin(`nas://${outside}`).stat('secret', CALL);
  t.equal(secret.size, 6);
});

t.test('a directory that becomes a symlink after its path was resolved', async (t) => {
  const { root, outside } = await world(t);
  await mkdir(join(root, 'd'));
  await writeFile(join(root, 'd/secret'), 'public');
  const nas = new NasRoot(root, new FsGate());
  const budget = new Budget('try', CALL, () => performance.now());
  const real = await nas.resolve(budget, 'd/secret');
  const realDirectory = await nas.resolve(budget, 'd');
  if (real === undefined || realDirectory === undefined) return t.fail('it is there');
  const { handle } = await nas.open(budget, real, 'file');
  await handle.close();
  const parent = await nas.openDirectory(budget, 'd');
  if (!parent) return t.fail('it is there');
  await rename(join(root, 'd'), join(root, 'kept'));
  await symlink(outside, join(root, 'd'));
  await t.rejects(nas.open(budget, real, 'file'), { code: 'NOT_FOUND', message: /left the root/ });
  await t.rejects(nas.open(budget, realDirectory, 'directory'), { code: 'NOT_FOUND' });
  await (await nas.create(budget, parent, 'new')).close();
  await parent.handle.close();
  t.same(await readdir(outside), ['secret'], 'nothing was made there');
  t.same(await readdir(join(root, 'kept')), ['new', 'secret'], 'but in the directory that was opened');
});

t.test('special files are left out, and never opened', async (t) => {
  const { root, origin } = await world(t);
  execFileSync('mkfifo', [join(root, 'fifo')]);
  const socket = createServer();
  await new Promise<void>((resolve) => socket.listen(join(root, 'socket'), () => resolve()));
  t.teardown(() => socket.close());
  await symlink('fifo', join(root, 'to-fifo'));
  await writeFile(join(root, 'file'), 'x');
  const { items, skipped } = await listAll(origin, '');
  t.same(keysOf(items), ['file']);
  t.same(skipped, { 'special-file': 3 });
  t.equal(await origin.lookup('fifo', CALL), undefined);
  const call = { ...CALL, version: '1-1-1', offset: 0, length: 1, into: Buffer.alloc(1) };
  await t.rejects(origin.read('fifo', call), { code: 'STALE' }, 'an open would wait for a writer');
});

t.test('names that are not UTF-8, and names of our own', async (t) => {
  const { root, origin } = await world(t);
  await writeFile(Buffer.concat([Buffer.from(`${root}/bad-`), Buffer.from([0xff, 0xfe])]), 'x');
  await writeFile(join(root, '.tidecache-tmp-0123'), 'half');
  await writeFile(join(root, 'has \ufffd in it'), 'x');
  const { items, skipped } = await listAll(origin, '');
  t.same(keysOf(items), ['has \ufffd in it'], 'U+FFFD itself is a character');
  t.same(skipped, { 'not-utf8': 1 });
  t.equal(await origin.lookup('.tidecache-tmp-0123', CALL), undefined);
  t.equal((await origin.lookup('has \ufffd in it', CALL))?.kind, 'file');
});

t.test('changes in place are seen', async (t) => {
  const { root, origin } = await world(t);
  const path = join(root, 'f');
  await writeFile(path, 'one');
  await utimes(path, 1000, 1000);
  const info = await origin.stat('f', CALL);
  const call = { ...CALL, version: info.version, offset: 0, length: 3 };
  const into = Buffer.alloc(3);
  await origin.read('f', { ...call, into });
  t.equal(into.toString(), 'one');
  await writeFile(path, 'two');
  await t.rejects(
    origin.read('f', { ...call, into: Buffer.alloc(3) }),
    { code: 'STALE' },
    'with the descriptor open',
  );
  const again = await origin.stat('f', CALL);
  await origin.read('f', { ...call, version: again.version, into });
  t.equal(into.toString(), 'two');
  await writeFile(join(root, 'g'), 'new');
  await rename(join(root, 'g'), path);
  await t.rejects(origin.read('f', { ...call, version: again.version, into: Buffer.alloc(3) }), {
    code: 'STALE',
  });
});

t.test('a file that is overwritten in place half-way through a read', async (t) => {
  const { root, origin } = await world(t);
  const path = join(root, 'f');
  const size = 3 * 1024 * 1024 + 5;
  await writeFile(path, Buffer.alloc(size, 1));
  await utimes(path, 1000, 1000);
  const { version } = await origin.stat('f', CALL);
  const into = Buffer.alloc(size);
  const progress: number[] = [];
  const onProgress = (bytes: number) => {
    if (progress.push(bytes) === 1) writeFileSync(path, Buffer.alloc(size, 2), { flag: 'r+' });
  };
  const call = { ...CALL, version, offset: 0, length: size, into, onProgress };
  await t.rejects(origin.read('f', call), { code: 'STALE' });
  t.same(progress, [NAS_READ_BYTES]);
  t.ok(into.subarray(0, NAS_READ_BYTES).equals(Buffer.alloc(NAS_READ_BYTES, 1)), 'what was told is old');
  t.ok(into.subarray(NAS_READ_BYTES).equals(Buffer.alloc(size - NAS_READ_BYTES)), 'and nothing new came in');
});

t.test('a directory that is absent, a file, or comes later', async (t) => {
  const { top, root } = await world(t);
  const absent = openOrigin(`nas://${top}/later`);
  await t.rejects(absent.check(CALL), {
    code: 'NOT_FOUND',
    message: /later does not exist on this host .*mount/,
  });
  await mkdir(join(top, 'later'));
  await t.resolves(absent.check(CALL));
  await writeFile(join(root, 'file'), 'x');
  await t.rejects(openOrigin(`nas://${root}/file`).check(CALL), { code: 'NOT_A_DIRECTORY' });
});

t.test('a root that is itself a symlink', async (t) => {
  const { top, root } = await world(t);
  await writeFile(join(root, 'file'), 'x');
  await symlink('root', join(top, 'alias'));
  t.same(keysOf((await listAll(openOrigin(`nas://${top}/alias`), '')).items), ['file']);
});
