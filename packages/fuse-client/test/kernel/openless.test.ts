/** What a mount does differently whose files are never opened. On real mounts. */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { t } from 'tap';
import { startServer, whyNotMountable } from '../support/server.js';
import { suiteFileSystem } from '../support/tree.js';

const skip = (await whyNotMountable('kernel')) ?? false;

t.test('nothing is opened at the server', { skip }, async (t) => {
  const server = await startServer(t, 'kernel', { openless: true });
  const fds = Array.from({ length: 3 }, () => fs.openSync(join(server.mountPoint, 'sizes', '4097'), 'r'));
  const buffer = Buffer.alloc(5000);
  for (const fd of fds) t.equal(fs.readSync(fd, buffer, 0, 5000, 0), 4097);
  t.equal((await server.state()).openFiles, 0);
  for (const fd of fds) fs.closeSync(fd);
});

t.test('a handle keeps its version when the name means another', { skip }, async (t) => {
  const server = await startServer(t, 'kernel', { openless: true });
  const model = suiteFileSystem(false);
  const path = join(server.mountPoint, 'replaced');
  const before = model.find('replaced').ino;
  const fd = fs.openSync(path, 'r');
  const buffer = Buffer.alloc(5000);
  t.equal(fs.readSync(fd, buffer, 0, 5000, 0), 5000);
  await server.ask({ do: 'replace', path: 'replaced', size: 777, notify: true });
  for (let tries = 0; fs.statSync(path).size !== 777 && tries < 1000; tries++) await server.state();
  t.equal(fs.readFileSync(path).length, 777, 'the new one by its name');
  t.equal(fs.readSync(fd, buffer, 0, 5000, 0), 5000);
  t.ok(buffer.equals(model.expected(before, 0, 5000)), 'the old one from the kernel');
  const direct = fs.openSync(`/proc/self/fd/${fd}`, fs.constants.O_RDONLY | fs.constants.O_DIRECT);
  t.throws(() => fs.readSync(direct, buffer, 0, 5000, 0), /-116/, 'ESTALE at the server');
  fs.closeSync(direct);
  fs.closeSync(fd);
});
