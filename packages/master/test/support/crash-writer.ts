/** Writes pages of names to the store in argv[2] for ever, printing the last id of each; a test kills it. */
import { ROOT_INODE } from '@tidecache/protocol';
import { Store } from '../../src/store/store.js';
import { realTimers } from '../../src/util/timers.js';

const PAGE = 50;
const store = await Store.open(process.argv[2] ?? '', realTimers);
for (;;) {
  const last = store.write('page', () => {
    let ino = ROOT_INODE;
    for (let i = 0; i < PAGE; i++) {
      ino = store.allocateIno();
      const key = `f${ino}`;
      store.putInode({
        ino,
        parent: ROOT_INODE,
        kind: 'file',
        isDatasetRoot: false,
        size: 1,
        mtimeMs: 1,
        mode: 0o644,
        datasetId: 1,
        key,
        version: 'v',
        uid: undefined,
        gid: undefined,
      });
      store.putEntry(ROOT_INODE, { raw: key, ino, checkedMs: 0 });
    }
    return ino;
  });
  await new Promise((resolve) => process.stdout.write(`${last}\n`, resolve));
}
