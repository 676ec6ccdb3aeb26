/** Objects whose keys have no place in a POSIX tree: left out and counted, never a crash, never an escape. */
import type { Scenarios } from './scenario.js';
import { CALL, keysOf, listAll } from './tools.js';

export const oddKeys: Scenarios = {
  async 'leaves out keys that are no paths, and counts them'({ t, origin, target }) {
    const putRaw = target.putRaw?.bind(target);
    if (!putRaw) return t.comment('a file system has none');
    const one = Buffer.from('1');
    for (const key of ['good', 'a//b', 'a/./c', 'a/../d', 'a/ok', `${'n'.repeat(256)}`, 'bad \ufffd name']) {
      await putRaw(key, one);
    }
    const root = await listAll(origin, '');
    t.same(keysOf(root.items), ['a/', 'good']);
    t.same(root.skipped, { 'name-too-long': 1, 'not-utf8': 1 });
    const inner = await listAll(origin, 'a/');
    t.same(keysOf(inner.items), ['a/ok']);
    t.same(inner.skipped, { 'empty-name': 1, 'dot-name': 2 });
    const deep = await listAll(origin, '', { recursive: true });
    t.same(keysOf(deep.items), ['a/ok', 'good']);
    t.same(deep.skipped, { 'empty-name': 1, 'dot-name': 2, 'name-too-long': 1, 'not-utf8': 1 });
  },

  async 'lets a directory win over a file of its name'({ t, origin, target, lacks }) {
    const putRaw = target.putRaw?.bind(target);
    if (!putRaw) return t.comment('a file system has none');
    for (const key of ['x', 'x-1', 'x.2', 'x/y', 'z']) await putRaw(key, Buffer.from(key));
    t.equal((await origin.lookup('x', CALL))?.kind, 'directory');
    const expected = ['x-1', 'x.2', 'x/', 'z'];
    // In pages, `x` and `x/` come on different ones.
    for (const limit of lacks.byteOrder ? [1000] : [1000, 1, 2, 3]) {
      const { items, skipped } = await listAll(origin, '', { limit });
      t.same(keysOf(items), expected, `pages of ${limit}`);
      t.same(skipped, { 'shadowed-by-directory': 1 });
      const deep = await listAll(origin, '', { limit, recursive: true });
      t.same(keysOf(deep.items), ['x-1', 'x.2', 'x/y', 'z'], `recursive, pages of ${limit}`);
      t.same(deep.skipped, { 'shadowed-by-directory': 1 });
    }
  },

  async 'takes a 0-byte marker for its directory'({ t, origin, target }) {
    const putRaw = target.putRaw?.bind(target);
    if (!putRaw) return t.comment('a file system has real ones');
    await putRaw('empty/', Buffer.alloc(0));
    await putRaw('full/', Buffer.alloc(0));
    await putRaw('full/file', Buffer.from('1'));
    t.same((await listAll(origin, '')).items, [
      { kind: 'directory', key: 'empty/' },
      { kind: 'directory', key: 'full/' },
    ]);
    t.equal((await origin.lookup('empty', CALL))?.kind, 'directory');
    t.same(await origin.list('empty/', CALL), { items: [], skipped: {} });
    t.same(keysOf((await listAll(origin, 'full/')).items), ['full/file']);
    t.same(keysOf((await listAll(origin, '', { recursive: true })).items), ['full/file']);
  },
};
