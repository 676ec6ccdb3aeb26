import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { t } from 'tap';
import { mountFileSystem } from '../src/index.js';
import { checkMountPoint } from '../src/mount-point.js';
import { nullFileSystem } from '../src/testing/index.js';

const directory = await mkdtemp(join(tmpdir(), 'tidecache-mount-point-'));
t.teardown(() => rmSync(directory, { recursive: true }));
const at = (name: string) => join(directory, name);
mkdirSync(at('full/inside'), { recursive: true });
mkdirSync(at('empty'));
writeFileSync(at('file'), '');
chmodSync(at('empty'), 0o755);

t.test('what can be mounted on, and why not', async (t) => {
  t.equal(await checkMountPoint(at('empty')), at('empty'));
  await t.rejects(checkMountPoint(at('none')), { code: 'NOT_FOUND', message: /none.*mkdir -p/ });
  await t.rejects(checkMountPoint(at('file')), { code: 'NOT_A_DIRECTORY', message: /file.*not a directory/ });
  await t.rejects(checkMountPoint(at('file/x')), { code: 'NOT_A_DIRECTORY' });
  await t.rejects(checkMountPoint(at('full')), { code: 'NOT_EMPTY', message: /full.*not empty/ });
  await t.rejects(checkMountPoint('/proc'), { code: 'ALREADY_EXISTS', message: /proc.*umount \/proc/ });
});

t.test('both transports refuse alike', async (t) => {
  for (const transport of ['kernel', 'fuse-native'] as const) {
    const mounting = mountFileSystem({ transport, mountPoint: at('none'), fileSystem: nullFileSystem(0) });
    await t.rejects(mounting, { name: 'TidecacheError' }, transport);
  }
});
