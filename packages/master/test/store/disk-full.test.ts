import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT_INODE } from '@tidecache/protocol';
import { t } from 'tap';
import { Store } from '../../src/store/store.js';
import { realTimers } from '../../src/util/timers.js';
import { tempDir } from '../support/temp-dir.js';

const isRoot = process.getuid?.() === 0;

t.test('a full disk', { skip: isRoot ? false : 'needs root, to mount a small tmpfs' }, async (t) => {
  const dir = tempDir(t);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', dir]);
  t.teardown(() => execFileSync('umount', ['-l', dir]));
  const ballast = join(dir, 'ballast');
  writeFileSync(ballast, Buffer.alloc(600_000));
  const store = await Store.open(join(dir, 'state'), realTimers);
  t.teardown(() => store.close());
  let pages = 0;
  const writePage = () => {
    store.write('writing a page', () => {
      for (let i = 0; i < 1000; i++) {
        const ino = store.allocateIno();
        store.putEntry(ROOT_INODE, {
          raw: `page-${String(pages).padStart(4, '0')}-${i}-${'x'.repeat(80)}`,
          ino,
          checkedMs: 1,
        });
      }
    });
    pages++;
  };
  const fill = () => {
    for (let i = 0; i < 100; i++) writePage();
  };
  t.throws(fill, { code: 'NO_SPACE', message: new RegExp(`writing a page.*${dir}.*free some space`) });
  const count = () => store.entries(ROOT_INODE, '', undefined, 1_000_000).length;
  t.equal(count(), pages * 1000, 'nothing half-made stays, and what was known is read');
  t.throws(writePage, { code: 'NO_SPACE' }, 'again');
  rmSync(ballast);
  writePage();
  t.equal(count(), pages * 1000, 'with space, it goes on');
});
