/** A client's files on a real mount, served by this process itself: asynchronous calls only. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { t } from 'tap';
import { mountClient } from '../src/index.js';
import { FILE, fakeClient } from './support/fake-client.js';
import { mountPointFor, whyNotMountable } from './support/server.js';

for (const transport of ['kernel', 'fuse-native'] as const) {
  const skip = (await whyNotMountable(transport)) ?? false;
  t.test(`mountClient through ${transport}`, { skip }, async (t) => {
    const { client, openHandles, names } = fakeClient(10);
    names.push('file', 'other');
    const mount = await mountClient({ client, mountPoint: mountPointFor(t), transport });
    t.teardown(() => mount.unmount());
    t.match(await stat(join(mount.mountPoint, 'file')), { size: FILE.size, mtimeMs: FILE.mtimeMs });
    t.same(await readFile(join(mount.mountPoint, 'file')), Buffer.alloc(FILE.size));
    t.same(await readdir(mount.mountPoint), ['file', 'other']);
    await mount.unmount();
    await mount.ended;
    t.equal(openHandles(), 0);
  });
}
