import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ROOT_INODE } from '@tidecache/protocol';
import { t } from 'tap';
import { Store } from '../../src/store/store.js';
import { realTimers } from '../../src/util/timers.js';
import { tempDir } from '../support/temp-dir.js';

const WRITER = fileURLToPath(new URL('../support/crash-writer.js', import.meta.url));
/** crash-writer.ts writes pages of this many names in one transaction. */
const PAGE = 50;

async function lines(child: ChildProcess, count: number): Promise<string[]> {
  const seen: string[] = [];
  if (!child.stdout) throw new Error('no stdout');
  for await (const line of createInterface({ input: child.stdout })) {
    seen.push(line);
    if (seen.length === count) break;
  }
  return seen;
}

t.test('killed while it writes, the store is whole and loses nothing that was committed', async (t) => {
  const dir = tempDir(t);
  let most = 0;
  for (const pages of [3, 17, 40]) {
    const child = spawn(process.execPath, [WRITER, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.teardown(() => child.kill('SIGKILL'));
    const exited = once(child, 'exit');
    const seen = await lines(child, pages);
    child.kill('SIGKILL');
    await exited;
    const store = await Store.open(dir, realTimers);
    const entries = store.entries(ROOT_INODE, '', undefined, 1_000_000);
    t.equal(entries.length % PAGE, 0, 'whole pages only');
    const last = Number(seen.at(-1));
    t.ok(entries.length >= most + pages * PAGE, `all ${pages} committed pages are there`);
    t.ok(
      entries.every(({ ino }) => store.inode(ino) !== undefined),
      'every entry has its inode',
    );
    t.equal(new Set(entries.map(({ ino }) => ino)).size, entries.length, 'no id was given twice');
    const next = store.write('next', () => store.allocateIno());
    t.ok(next > last, 'ids go on above all that were given');
    most = entries.length;
    await store.close();
  }
});
