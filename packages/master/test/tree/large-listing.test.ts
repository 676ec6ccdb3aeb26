import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ListItem, ListPage } from '@tidecache/storage';
import { t } from 'tap';
import { makeWorld } from '../support/world.js';

const ENTRIES = 100_000;
const PAGE = 1000;
const nameOf = (i: number) => `file-${String(i).padStart(7, '0')}.parquet`;
const MiB = 1024 * 1024;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** What lives, garbage apart. */
function liveBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

t.test('a directory of 100 000 streams: page by page, in bounded memory', async (t) => {
  const world = await makeWorld(t);
  const { root } = await world.addDataset('once');
  let pagesMade = 0;
  // Pages are made when they are asked for: nothing here holds all the names.
  world.origin.list = async (_directory, { after }): Promise<ListPage> => {
    const from = after === undefined ? 0 : Number(after);
    pagesMade++;
    const items = Array.from({ length: PAGE }, (_, i): ListItem => {
      return { kind: 'file', key: nameOf(from + i), size: from + i, mtimeMs: 1, version: `v${from + i}` };
    });
    return { items, skipped: {}, ...(from + PAGE < ENTRIES && { next: String(from + PAGE) }) };
  };
  const heapBefore = liveBytes();
  let heapMost = heapBefore;
  let count = 0;
  let firstAfterPages = 0;
  let after: string | undefined = '';
  while (after !== undefined) {
    const page: Awaited<ReturnType<typeof world.readdir.readdir>> = await world.readdir.readdir({
      ino: root,
      after,
      limit: 2048,
      isAbandoned: () => false,
    });
    firstAfterPages ||= pagesMade;
    for (const { name, inode } of page.entries) {
      if (name !== nameOf(count) || inode.size !== count) t.fail(`entry ${count} is ${name}`);
      count++;
    }
    if (count % 10_000 === 0) heapMost = Math.max(heapMost, liveBytes());
    after = page.next;
  }
  t.equal(count, ENTRIES);
  t.ok(firstAfterPages <= 3, `the first answer came after ${firstAfterPages} pages`);
  t.equal(pagesMade, ENTRIES / PAGE);
  t.ok(heapMost - heapBefore < 16 * MiB, `heap grew by ${Math.round((heapMost - heapBefore) / MiB)} MiB`);
  t.equal(world.tree.inodeCount(1), ENTRIES);
});

t.test('others are served while it runs, however fast the origin is', async (t) => {
  const world = await makeWorld(t);
  const { root } = await world.addDataset('once');
  let pages = 0;
  world.origin.list = async (): Promise<ListPage> => {
    const key = nameOf(pages++);
    const item: ListItem = { kind: 'file', key, size: 1, mtimeMs: 1, version: 'v' };
    return { items: [item], skipped: {}, ...(pages < 50 && { next: key }) };
  };
  let turns = 0;
  const listed = world.readdir.readdir({ ino: root, after: nameOf(48), limit: 10, isAbandoned: () => false });
  let over = false;
  void listed.then(() => {
    over = true;
  });
  while (!over) {
    turns++;
    await new Promise(setImmediate);
  }
  t.ok(turns >= 50, `the event loop turned ${turns} times for 50 pages`);
});
