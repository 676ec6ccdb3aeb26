/** Names, directories and pages. */
import { nameProblem } from '../../names.js';
import type { Scenarios } from './scenario.js';
import { bytesOf, CALL, keysOf, listAll, readAll, rejectsWith, utf8Order } from './tools.js';

const NAMES = [
  'plain.txt',
  'with space',
  '价格 2026.csv',
  '🌊 tide',
  'line\nbreak',
  'plus+percent%41&amp;',
  `quotes'"<>`,
  "(paren)*!'",
  'back\\slash',
  'question?hash#',
  'é composed e\u0301 not',
  '.hidden',
  '...',
  'x'.repeat(255),
  '中'.repeat(85),
];

export const listing: Scenarios = {
  async 'keeps every name that a file can have'({ t, origin, lacks }) {
    for (const name of NAMES) {
      t.equal(nameProblem(name), undefined);
      const key = `names/${name}`;
      const info = await origin.write(key, Buffer.from(name), CALL);
      t.equal(info.key, key);
      t.equal((await readAll(origin, info)).toString(), name);
      t.equal((await origin.lookup(key, CALL))?.kind, 'file');
    }
    const { items } = await listAll(origin, 'names/');
    const expected = NAMES.map((name) => `names/${name}`).sort(utf8Order);
    t.same(keysOf(items), expected);
    if (lacks.byteOrder) return;
    const paged = await listAll(origin, 'names/', { limit: 2 });
    t.same(keysOf(paged.items), expected, 'the same in pages');
  },

  async 'orders by UTF-8 bytes'({ t, origin, lacks }) {
    if (lacks.byteOrder) return t.comment('this server has an order of its own');
    // UTF-16 would put the astral one before U+E000.
    const keys = ['B', 'a', 'a-b', 'a.b', 'a0', 'z', '\ue000', '😀'];
    for (const key of keys) await origin.write(key, Buffer.from(key), CALL);
    await origin.write('a-b-dir/x', Buffer.from('x'), CALL);
    const all = [...keys, 'a-b-dir/'].sort(utf8Order);
    t.same(keysOf((await listAll(origin, '')).items), all);
    for (const limit of [1, 2, 3])
      t.same(keysOf((await listAll(origin, '', { limit })).items), all, `pages of ${limit}`);
  },

  async 'lists directories by pages, each once'({ t, origin }) {
    const files = Array.from({ length: 11 }, (_, i) => `top/f${String(i).padStart(2, '0')}`);
    const inside = Array.from({ length: 8 }, (_, i) => `top/d${i % 4}/g${i}`);
    await Promise.all([...files, ...inside].map((key) => origin.write(key, Buffer.from(key), CALL)));
    const expected = [...files, ...Array.from({ length: 4 }, (_, i) => `top/d${i}/`)].sort(utf8Order);
    for (const limit of [1000, 4, 1]) {
      const { items, pages, skipped } = await listAll(origin, 'top/', { limit });
      t.same(keysOf(items), expected, `pages of ${limit}`);
      t.ok(pages.every((page) => page.items.length <= limit));
      t.same(skipped, {});
    }
    for (const limit of [1000, 3]) {
      const { items } = await listAll(origin, 'top/', { limit, recursive: true });
      t.same(keysOf(items), [...files, ...inside].sort(utf8Order), `recursive, pages of ${limit}`);
    }
    t.same(
      keysOf((await listAll(origin, '', { recursive: true })).items),
      [...files, ...inside].sort(utf8Order),
    );
    t.same(keysOf((await listAll(origin, '')).items), ['top/']);
  },

  async 'lists more than one request gives'({ t, origin, target, lacks }) {
    if (lacks.byteOrder) return t.comment('this server gives all in one');
    const keys = Array.from({ length: 1203 }, (_, i) => `many/${String(i).padStart(5, '0')}`);
    const put = (key: string) =>
      target.putRaw?.(key, bytesOf(1, 1)) ?? origin.write(key, bytesOf(1, 1), CALL);
    for (let at = 0; at < keys.length; at += 50) {
      await Promise.all(keys.slice(at, at + 50).map(put));
    }
    const { items } = await listAll(origin, 'many/');
    t.same(keysOf(items), keys);
  },

  async 'tells files, directories and nothing apart'({ t, origin }) {
    await origin.write('a/b/c', bytesOf(3, 1), CALL);
    t.equal((await origin.lookup('a', CALL))?.kind, 'directory');
    t.equal((await origin.lookup('a', CALL))?.key, 'a/');
    t.equal((await origin.lookup('a/b', CALL))?.kind, 'directory');
    t.equal((await origin.lookup('a/b/c', CALL))?.kind, 'file');
    t.equal(await origin.lookup('a/b/c/d', CALL), undefined);
    t.equal(await origin.lookup('nothing', CALL), undefined);
    t.equal(await origin.lookup('a/nothing', CALL), undefined);
    t.equal(await origin.lookup('a/b/cc', CALL), undefined);
    await rejectsWith(t, origin.stat('a', CALL), 'NOT_FOUND', 'stat of a directory');
    await rejectsWith(t, origin.stat('nothing', CALL), 'NOT_FOUND', 'stat of nothing');
    await rejectsWith(t, origin.list('nothing/', CALL), 'NOT_FOUND', 'listing of nothing');
    await rejectsWith(t, origin.list('a/b/c/', CALL), 'NOT_FOUND', 'listing of a file');
    t.same(
      (await listAll(origin, '')).items.map((item) => item.kind),
      ['directory'],
    );
  },

  async 'lists an empty root'({ t, origin }) {
    t.same(await origin.list('', CALL), { items: [], skipped: {} });
  },

  async 'refuses keys that are no paths'({ t, origin }) {
    for (const key of ['', '/', 'a//b', '/a', 'a/', '.', '..', 'a/../b', 'nul\0', 'half \ud800']) {
      await rejectsWith(t, origin.stat(key, CALL), 'INVALID', JSON.stringify(key));
      await rejectsWith(t, origin.write(key, bytesOf(1, 1), CALL), 'INVALID', JSON.stringify(key));
      await rejectsWith(t, origin.delete(key, CALL), 'INVALID', JSON.stringify(key));
    }
    await rejectsWith(t, origin.stat('x'.repeat(256), CALL), 'NAME_TOO_LONG', '256 bytes');
    await rejectsWith(t, origin.stat('中'.repeat(86), CALL), 'NAME_TOO_LONG', '258 bytes');
    await rejectsWith(t, origin.list('../', CALL), 'INVALID', 'a listing above the root');
    await rejectsWith(t, origin.list('a', CALL), 'INVALID', 'a directory without its slash');
  },
};
