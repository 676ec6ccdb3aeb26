import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { t } from 'tap';
import { Store } from '../../src/store/store.js';
import { realTimers } from '../../src/util/timers.js';
import { tempDir } from '../support/temp-dir.js';

t.test('a directory that is missing is made, with those above it', async (t) => {
  const store = await Store.open(join(tempDir(t), 'a/b.c/d'), realTimers);
  await store.close();
});

t.test('a file in the way is named', async (t) => {
  const path = join(tempDir(t), 'file');
  writeFileSync(path, '');
  await t.rejects(Store.open(path, realTimers), {
    code: 'INVALID',
    message: new RegExp(`${path}.*no directory`),
  });
  await t.rejects(Store.open(join(path, 'below'), realTimers), { code: 'INVALID' });
});

t.test('a place where nothing can be made is named', async (t) => {
  await t.rejects(Store.open('/proc/tidecache/state', realTimers), { message: /\/proc\/tidecache.*\(.+\)/ });
});

t.test('a file that is no LMDB is refused before LMDB crashes on it', async (t) => {
  const dir = tempDir(t);
  writeFileSync(join(dir, 'data.mdb'), Buffer.alloc(8192, 7));
  await t.rejects(Store.open(dir, realTimers), { code: 'INVALID', message: /data\.mdb.*no LMDB file/ });
});

t.test('an empty file, as a crash at birth leaves, is begun anew', async (t) => {
  const dir = tempDir(t);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'data.mdb'), '');
  const store = await Store.open(dir, realTimers);
  t.ok(store.clusterId);
  await store.close();
});
