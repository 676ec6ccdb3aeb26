import { inodeId } from '@tidecache/protocol';
import { t } from 'tap';
import { Directory } from '../src/directory.js';
import { fakeClient } from './support/fake-client.js';

const INO = inodeId(11);
const numbered = (count: number) => Array.from({ length: count }, (_, i) => `n${String(i).padStart(4, '0')}`);

async function names(directory: Directory, from = 0, max = 7): Promise<string[]> {
  const found: string[] = [];
  for (;;) {
    const entries = await directory.read(from, max);
    if (entries.length === 0) return found;
    from += entries.length;
    found.push(...entries.map((entry) => entry.name));
  }
}

t.test('whole, from any position, and each page fetched once', async (t) => {
  const fake = fakeClient(10);
  fake.names = numbered(95);
  const directory = new Directory(fake.client, INO);
  t.same(await names(directory), fake.names);
  t.equal(fake.listings.length, 10);
  for (const position of [0, 5, 10, 49, 94, 95]) {
    t.same(await names(directory, position), fake.names.slice(position), `from ${position}`);
  }
});

t.test('empty directories, and empty pages between', async (t) => {
  const fake = fakeClient(10);
  t.same(await names(new Directory(fake.client, INO)), []);
  const last = { entries: [], validMs: 0 };
  const pages = [{ ...last, next: 'a' }, { ...last, next: 'b' }, last];
  let asked = 0;
  const sparse = { ...fake.client, readdir: async () => pages[asked++] ?? last };
  t.same(await names(new Directory(sparse, INO)), []);
  t.equal(asked, 3);
});

t.test('positions hold while the listing changes beneath', async (t) => {
  const fake = fakeClient(10);
  const before = numbered(60);
  fake.names = before;
  const directory = new Directory(fake.client, INO);
  await names(directory);
  // Page 1 lost two names and page 2 got one.
  fake.names = before
    .filter((name) => name !== 'n0012' && name !== 'n0015')
    .concat('n0022x')
    .sort();
  t.same(
    (await directory.read(30, 3)).map((entry) => entry.name),
    ['n0030', 'n0031', 'n0032'],
  );
  const again = (await names(directory, 10, 7)).filter((name) => name !== '');
  t.equal(new Set(again).size, again.length, 'none twice');
  t.ok(
    before.slice(30).every((name) => again.includes(name)),
    'none lost that is still there',
  );
});

t.test('a name that was invalidated is not believed from a page that was read before', async (t) => {
  const fake = fakeClient(10);
  fake.names = numbered(30);
  const directory = new Directory(fake.client, INO);
  const validity = async () => (await directory.read(2, 2)).map((entry) => [entry.name, entry.entryValidMs]);
  const arriving = directory.read(0, 1);
  fake.push({ entries: [{ parent: INO, name: 'n0002' }], inodes: [] });
  await arriving;
  t.same(
    await validity(),
    [
      ['n0002', 0],
      ['n0003', 700],
    ],
    'told while the page was on its way',
  );
  fake.push({ entries: [{ parent: INO + 1, name: 'n0003' }], inodes: [] });
  t.same(
    await validity(),
    [
      ['n0002', 0],
      ['n0003', 700],
    ],
    "another directory's",
  );
  fake.push({ entries: [{ parent: INO, name: 'n0003' }], inodes: [] });
  t.same(await validity(), [
    ['n0002', 0],
    ['n0003', 0],
  ]);
  directory.close();
  fake.push({ entries: [{ parent: INO, name: 'n0004' }], inodes: [] });
  t.equal((await directory.read(4, 1))[0]?.entryValidMs, 700, 'closed: it listens no more');
});

t.test(
  'the next page is on its way while one is read; a failure of it is told to who asks for it',
  async (t) => {
    const fake = fakeClient(10);
    fake.names = numbered(40);
    let failing = false;
    const readdir: typeof fake.client.readdir = async (...args) => {
      if (failing) throw new Error('the master is away');
      return fake.client.readdir(...args);
    };
    const directory = new Directory({ ...fake.client, readdir }, INO);
    await directory.read(0, 3);
    t.equal(fake.listings.length, 2, 'one page ahead, and no more');
    fake.push({ entries: [{ parent: INO, name: 'n0012' }], inodes: [] });
    t.equal((await directory.read(10, 3))[2]?.entryValidMs, 0, 'what came ahead is doubted as the rest is');
    t.equal(fake.listings.length, 3);
    failing = true;
    await directory.read(20, 1);
    await t.rejects(Promise.resolve(directory.read(30, 1)), { message: 'the master is away' });
    failing = false;
    t.equal((await directory.read(30, 1))[0]?.name, 'n0030');
  },
);
