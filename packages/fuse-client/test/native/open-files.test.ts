import { t } from 'tap';
import { OpenFiles } from '../../src/native/open-files.js';

const inode = (ino: number) => ({ ino, kind: 'file', size: 1, mtimeMs: 0, mode: 0o444 }) as const;

t.test('a newer version makes older handles of the path stale', (t) => {
  const files = new OpenFiles();
  const old = files.add('/a', inode(1), 11);
  const same = files.add('/a', inode(1), 12);
  const other = files.add('/b', inode(2), 13);
  t.notOk(files.get(old).stale || files.get(same).stale);
  const fresh = files.add('/a', inode(3), 14);
  t.ok(files.get(old).stale && files.get(same).stale);
  t.notOk(files.get(fresh).stale || files.get(other).stale);
  t.equal(files.remove(old)?.handle, 11);
  t.equal(files.remove(old), undefined);
  t.throws(() => files.get(old), { code: 'INVALID' });
  t.equal(files.size, 3);
  t.end();
});
