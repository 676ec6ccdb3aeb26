import { t } from 'tap';
import type { World } from '../support/world.js';
import { makeWorld, readAll } from '../support/world.js';

/** mulberry32, by Tommy Ettinger (public domain). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  };
}

const ALPHABET = ['a', 'b', '-', '.', '0', 'é', '\uffee', '😀'];

/** What the tree should show of the origin's directory: name → kind and version. */
function expected(world: World, directory: string): Map<string, string> {
  const shown = new Map<string, string>();
  for (const item of world.origin.children(directory)) {
    const name = item.key.slice(directory.length).replace(/\/$/, '');
    if (item.kind === 'directory') shown.set(name, 'directory');
    else if (!shown.has(name)) shown.set(name, `${item.version}/${item.size}`);
  }
  return shown;
}

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));

t.test(
  `any sequence of contents is mirrored, and what did not change keeps its id (SEED=${seed})`,
  async (t) => {
    const random = randomFrom(seed);
    const pick = <T>(values: readonly T[]) => values[Math.floor(random() * values.length)] as T;
    const name = () => Array.from({ length: 1 + Math.floor(random() * 2) }, () => pick(ALPHABET)).join('');
    const world = await makeWorld(t);
    const { root, dataset } = await world.addDataset({ ttlMs: 10 });
    let before = new Map<string, { ino: number; what: string }>();
    let kept = 0;
    for (let round = 0; round < 60; round++) {
      for (let edits = Math.floor(random() * 12); edits > 0; edits--) {
        const key = random() < 0.3 ? `${name()}/${name()}` : name();
        if (key.startsWith('.') || key.includes('/.')) continue;
        if (random() < 0.4) world.origin.objects.delete(key);
        else world.origin.put(key, `v${Math.floor(random() * 3)}`, Math.floor(random() * 2));
      }
      if (random() < 0.1) world.origin.objects.clear();
      world.origin.pageEntries = pick([1, 2, 5, 1000]);
      world.time.advance(1_000_000);
      // Look-ups in between must neither lose names nor bring back what is gone.
      if (random() < 0.5) await (async () => world.lookup.lookup(root, name()))().catch(() => {});
      await readAll(world, root, pick([1, 3, 100]));
      const entries = await readAll(world, root);
      const shown = new Map(
        entries.map(({ name, inode }) => [
          name,
          { ino: inode.ino, what: inode.kind === 'file' ? `${inode.version}/${inode.size}` : 'directory' },
        ]),
      );
      t.equal(shown.size, entries.length, 'no name twice');
      const what = [...shown].map(([name, { what }]) => [name, what]).sort();
      t.same(what, [...expected(world, '')].sort(), `round ${round}`);
      for (const [name, now] of shown) {
        const old = before.get(name);
        if (old?.what === now.what) {
          kept++;
          if (old.ino !== now.ino) t.fail(`${JSON.stringify(name)} did not change and has another id`);
        } else if (old && old.ino === now.ino) t.fail(`${JSON.stringify(name)} changed and kept its id`);
      }
      before = shown;
    }
    t.ok(kept > 0);
    while (world.sweeper.step());
    const known = world.store.entries(root, '', undefined, 10_000);
    t.equal(world.tree.inodeCount(dataset.id), known.length, 'the count is of what is known');
  },
);

t.test('a name found while a page was on its way is not missing', async (t) => {
  const world = await makeWorld(t);
  world.origin.put('a');
  const { root } = await world.addDataset('once');
  const release = world.origin.hold();
  const listed = readAll(world, root);
  world.time.advance(1);
  world.origin.put('b');
  const lookup = world.lookup.lookup(root, 'b');
  // The page was made before b was; the look-up's answer is let through first.
  world.time.advance(1);
  release();
  const { inode } = await lookup;
  await listed;
  t.equal((await world.walk('/data/b')).inode.ino, inode.ino);
});

t.test('a page that takes away more names than one transaction compares', async (t) => {
  const world = await makeWorld(t);
  for (let i = 0; i < 5000; i++) world.origin.put(`f${String(i).padStart(5, '0')}`);
  const { root, dataset } = await world.addDataset({ ttlMs: 10 });
  const before = new Map((await readAll(world, root)).map(({ name, inode }) => [name, inode.ino]));
  t.equal(before.size, 5000);
  world.origin.objects.clear();
  const left = ['f00000', 'f02000', 'f04999'];
  for (const key of left) world.origin.put(key);
  world.time.advance(1_000_000);
  const after = await readAll(world, root);
  t.same(
    after.map(({ name, inode }) => [name, inode.ino]),
    left.map((name) => [name, before.get(name)]),
  );
  t.equal(world.tree.inodeCount(dataset.id), 3);
  t.equal(world.told.inodes.length, 4997);
});
