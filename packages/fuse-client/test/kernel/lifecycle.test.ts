/** What only the kernel transport can do, and how a mount ends. On real mounts. */
import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { t } from 'tap';
import { mountPointFor, startServer, whyNotMountable } from '../support/server.js';
import { suiteFileSystem } from '../support/tree.js';

const skip = (await whyNotMountable('kernel')) ?? false;

t.test('a name that was replaced shows at once when the kernel is told', { skip }, async (t) => {
  const server = await startServer(t, 'kernel');
  const model = suiteFileSystem(false);
  const path = join(server.mountPoint, 'replaced');
  const before = fs.statSync(path);
  const fd = fs.openSync(path, 'r');
  // Lookups in the same directory hold the lock that the notification wants: neither may wait for the other.
  const busy = spawn('find', [server.mountPoint, '-maxdepth', '1', '-name', 'x'], { stdio: 'ignore' });
  const done = new Promise((resolve) => busy.on('exit', resolve));
  const made = (await server.ask({ do: 'replace', path: 'replaced', size: 777, notify: true })) as {
    ino: number;
  };
  model.replace('replaced', 777);
  await done;
  let after = fs.statSync(path);
  // The notification is written by another thread of the server: the question lets it get on.
  for (let tries = 0; after.ino === before.ino && tries < 5000; tries++) {
    await server.state();
    after = fs.statSync(path);
  }
  t.match(after, { ino: made.ino, size: 777 });
  t.equal(fs.fstatSync(fd).size, before.size, 'the open file is the version that was opened');
  fs.closeSync(fd);
});

t.test('a listing that began before a name was replaced does not bring it back', { skip }, async (t) => {
  const server = await startServer(t, 'kernel');
  const path = join(server.mountPoint, 'replaced');
  const listing = fs.opendirSync(server.mountPoint);
  const made = (await server.ask({ do: 'replace', path: 'replaced', size: 777, notify: true })) as {
    ino: number;
  };
  const names: string[] = [];
  for (let entry = listing.readSync(); entry; entry = listing.readSync()) names.push(entry.name);
  listing.closeSync();
  t.ok(names.includes('replaced'));
  t.equal(fs.statSync(path).ino, made.ino);
});

t.test('the kernel looks again when an open is told STALE', { skip }, async (t) => {
  const server = await startServer(t, 'kernel');
  const model = suiteFileSystem(false);
  const path = join(server.mountPoint, 'replaced-smaller');
  t.equal(fs.statSync(path).size, 9000);
  const made = (await server.ask({ do: 'replace', path: 'replaced-smaller', size: 10, notify: false })) as {
    ino: number;
  };
  model.replace('replaced-smaller', 10);
  t.equal(fs.statSync(path).size, 9000, 'the name is still cached');
  t.ok(fs.readFileSync(path).equals(model.expected(made.ino, 0, 10)));
  t.equal(fs.statSync(path).size, 10);
});

t.test('who is killed while it waits for a name goes at once', { skip }, async (t) => {
  const server = await startServer(t, 'kernel');
  const waiting = spawn('stat', [join(server.mountPoint, 'slow', 'never')], { stdio: 'ignore' });
  const gone = new Promise((resolve) => waiting.on('exit', (_, signal) => resolve(signal)));
  await server.ask({ do: 'await-slow' });
  waiting.kill('SIGTERM');
  t.equal(await gone, 'SIGTERM', 'though its lookup never gets an answer');
});

t.test('an operation without an end has one', { skip }, async (t) => {
  const server = await startServer(t, 'kernel', { operationDeadlineMs: 100 });
  t.throws(() => fs.statSync(join(server.mountPoint, 'slow', 'never')), { code: 'ETIMEDOUT' });
});

t.test('kill -9 of the server: readers fail, and the next mount says what is there', { skip }, async (t) => {
  const mountPoint = mountPointFor(t);
  const server = await startServer(t, 'kernel', { mountPoint });
  const reader = spawn('cat', [join(mountPoint, 'slow', 'read')], { stdio: 'ignore' });
  const status = new Promise((resolve) => reader.on('exit', (code) => resolve(code)));
  await server.ask({ do: 'await-slow' });
  server.process.kill('SIGKILL');
  await server.exited;
  t.equal(await status, 1, 'the reader got an error');
  await t.rejects(startServer(t, 'kernel', { mountPoint }), {
    message: new RegExp(`serving process died.*umount -l ${mountPoint}`),
  });
  spawnSync('umount', ['-l', mountPoint]);
  const next = await startServer(t, 'kernel', { mountPoint });
  t.equal(fs.readFileSync(join(mountPoint, 'sizes', '1')).length, 1);
  await t.rejects(startServer(t, 'fuse-native', { mountPoint }), { message: /is mounted there already/ });
  await next.ask({ do: 'unmount' });
  await next.ended;
});

t.test('umount from outside ends the mount', { skip }, async (t) => {
  const server = await startServer(t, 'kernel');
  t.equal(spawnSync('umount', [server.mountPoint]).status, 0);
  await server.ended;
  t.same(await server.ask({ do: 'unmount' }), {}, 'unmounting what is gone is nothing');
});
