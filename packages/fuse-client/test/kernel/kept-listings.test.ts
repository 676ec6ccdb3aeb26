/** What the kernel keeps of listings, on a real mount served by this process itself: asynchronous calls only. */
import type { Dir } from 'node:fs';
import { opendir, readdir } from 'node:fs/promises';
import { ROOT_INODE } from '@tidecache/protocol';
import { type Test, t } from 'tap';
import { mountClient } from '../../src/index.js';
import { fakeClient } from '../support/fake-client.js';
import { mountPointFor, whyNotMountable } from '../support/server.js';

const skip = (await whyNotMountable('kernel')) ?? false;
/** More than one getdents(2) takes. */
const MANY = Array.from({ length: 5000 }, (_, i) => `name-${String(i).padStart(6, '0')}`);

async function start(t: Test, listingValidMs: number) {
  const fake = fakeClient(1000);
  fake.names = MANY;
  fake.listingValidMs = listingValidMs;
  const mount = await mountClient({
    client: fake.client,
    mountPoint: mountPointFor(t),
    transport: 'kernel',
  });
  t.teardown(() => mount.unmount());
  const change = (names: string[], name: string) => {
    fake.names = names;
    fake.push({ entries: [{ parent: ROOT_INODE, name }], inodes: [] });
  };
  return { fake, change, list: () => readdir(mount.mountPoint), dir: mount.mountPoint };
}

t.test('listed again, nobody is asked; changed, it shows at once', { skip }, async (t) => {
  const { fake, change, list } = await start(t, 600_000);
  t.same(await list(), MANY);
  const asked = fake.listings.length;
  for (let i = 0; i < 3; i++) t.same(await list(), MANY);
  t.equal(fake.listings.length, asked);
  const fewer = MANY.filter((name) => name !== MANY[2]);
  change(fewer, MANY[2]!);
  t.same(await list(), fewer, 'a name went');
  change(['a-new-one', ...fewer], 'a-new-one');
  t.same(await list(), ['a-new-one', ...fewer], 'a name came');
  const askedAgain = fake.listings.length;
  t.same(await list(), ['a-new-one', ...fewer]);
  t.equal(fake.listings.length, askedAgain, 'and the new one is kept');
});

t.test('what may not be believed is asked for each time', { skip }, async (t) => {
  const { fake, list } = await start(t, 0);
  await list();
  fake.names = ['other'];
  t.same(await list(), ['other'], 'without being told');
});

for (const kept of [false, true]) {
  const what = kept ? 'that the kernel keeps' : 'that is being fetched';
  t.test(`a change half-way through a listing ${what}`, { skip }, async (t) => {
    const { change, list, dir } = await start(t, 600_000);
    if (kept) await list();
    const old = await opendir(dir, { bufferSize: 1 });
    const seen = await some(old, 100);
    const fewer = MANY.filter((name) => name !== MANY[2]);
    change(fewer, MANY[2]!);
    t.same(await list(), fewer, 'another handle sees what is there');
    seen.push(...(await some(old, MANY.length)));
    t.same(seen, MANY, 'the one that began before sees each name that was there, once');
    t.same(await list(), fewer);
    t.same(await list(), fewer);
  });
}

/** Up to `count` names; closes at the end. */
async function some(dir: Dir, count: number): Promise<string[]> {
  const names: string[] = [];
  while (names.length < count) {
    const entry = await dir.read();
    if (!entry) {
      await dir.close();
      break;
    }
    names.push(entry.name);
  }
  return names;
}
