/** A client's files on a real mount, served by this process itself: asynchronous calls only. */
import { execFile } from 'node:child_process';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { t } from 'tap';
import { mountClient } from '../src/index.js';
import { FILE, fakeClient } from './support/fake-client.js';
import { hasProgram, mountPointFor, whyNotMountable } from './support/server.js';

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

  const noPython = hasProgram('python3') ? false : 'python3 is missing';
  t.test(`extended attributes through ${transport}`, { skip: skip || noPython }, async (t) => {
    for (const [xattrs, answers] of [
      [true, ['"etag"', ['user.tidecache.dataset', 'user.tidecache.origin', 'user.tidecache.version']]],
      [false, ['ENOTSUP', 'ENOTSUP']],
    ] as const) {
      const { client, names } = fakeClient(10);
      names.push('file');
      const mount = await mountClient({ client, mountPoint: mountPointFor(t), transport, xattrs });
      t.teardown(() => mount.unmount());
      // Twice: the second time without xattrs the kernel answers by itself. ENOTSUP is EOPNOTSUPP's other name.
      for (const _ of [1, 2]) t.same(await askXattrs(join(mount.mountPoint, 'file')), answers);
      await mount.unmount();
    }
  });
}

/** The version and the names of all, or the names of the errors. */
async function askXattrs(path: string): Promise<unknown> {
  const program = `
import os, sys, errno, json
def ask(call):
    try: return call()
    except OSError as e: return errno.errorcode[e.errno]
p = sys.argv[1]
print(json.dumps([ask(lambda: os.getxattr(p, 'user.tidecache.version').decode()), ask(lambda: sorted(os.listxattr(p)))]))`;
  const { stdout } = await promisify(execFile)('python3', ['-c', program, path]);
  return JSON.parse(stdout);
}
