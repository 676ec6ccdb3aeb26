import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MiB, type SharedMemory } from '@tidecache/protocol';
import { type Test, t } from 'tap';
import { attachSharedMemory, createSharedMemory } from '../src/index.js';

const OWNER = fileURLToPath(new URL('./owner-process.js', import.meta.url));
const TMPFS_MAGIC = 0x01021994;
const skip =
  (!existsSync('/dev/shm') || statfsSync('/dev/shm').type !== TMPFS_MAGIC) && '/dev/shm is no tmpfs';

function scratch(t: Test): string {
  const dir = mkdtempSync('/dev/shm/tidecache-test-');
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

async function owner(t: Test, dir: string, socketPath = '/run/w.sock') {
  const child = spawn(process.execPath, [OWNER, dir, socketPath], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => stop(child, 'SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, description: JSON.parse(line.toString()) as SharedMemory };
}

async function stop(child: ChildProcess, signal?: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  if (signal) child.kill(signal);
  else child.stdin?.end();
  await ended;
}

const hello = { slab: 1, offset: 5000, length: 5 };
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

t.test(
  'another process sees what the owner writes, and keeps it when the owner dies',
  { skip },
  async (t) => {
    const dir = scratch(t);
    const { child, description } = await owner(t, dir);
    const memory = attachSharedMemory(description);
    t.teardown(() => memory.close());
    const view = memory.view(hello);
    t.equal(text(view), 'hello');
    child.stdin?.write('HALLO');
    while (text(view) !== 'HALLO') await new Promise((resolve) => setTimeout(resolve, 5));
    await stop(child, 'SIGKILL');
    t.equal(text(view), 'HALLO', 'the memory outlives its owner');
    t.not(readdirSync(dir).length, 0, 'which had no time to remove its files');

    const next = await createSharedMemory({ dir, socketPath: '/run/other.sock', capacityBytes: 64 * MiB });
    t.notOk(
      readdirSync(dir).some((name) => description.path.endsWith(name.split('.')[0]!)),
      'the next owner on this host does',
    );
    await next.close();
    t.same(readdirSync(dir), []);
  },
);

t.test('an end in good order leaves nothing', { skip }, async (t) => {
  const dir = scratch(t);
  const { child } = await owner(t, dir);
  const living = await createSharedMemory({ dir, socketPath: '/run/2.sock', capacityBytes: 64 * MiB });
  await living.close();
  t.not(readdirSync(dir).length, 0, "another's files are left alone while it lives");
  await stop(child);
  t.same(readdirSync(dir), []);
});

t.test('memory is taken when it is backed, and reads as zeros then', { skip }, async (t) => {
  const dir = scratch(t);
  const memory = await createSharedMemory({ dir, socketPath: '/run/3.sock', capacityBytes: 256 * MiB });
  t.teardown(() => memory.close());
  const taken = () => readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).blocks * 512, 0);
  const before = taken();
  t.ok(before < 4 * MiB, `${before} bytes at first`);
  t.ok(memory.back(0, 4 * MiB, 4 * MiB));
  t.ok(taken() >= before + 4 * MiB);
  t.ok(memory.slabs[0]!.subarray(4 * MiB, 8 * MiB).every((byte) => byte === 0));
  t.equal(memory.slabs[0]!.byteOffset % 4096, 0, 'slabs begin with a page of memory');
});

t.test('a client that sees other files is told so', { skip }, async (t) => {
  const dir = scratch(t);
  const { description } = await owner(t, dir);
  const refused = { code: 'UNSUPPORTED' };
  t.throws(() => attachSharedMemory({ ...description, nonce: 'ff'.repeat(16) }), refused, 'another owner');
  t.throws(() => attachSharedMemory({ ...description, path: join(dir, 'none') }), refused, 'no such file');
  t.same(
    readdirSync(dir).filter((name) => name.startsWith('none')),
    [],
    'looking for it makes none',
  );
  const memory = attachSharedMemory(description);
  t.throws(() => memory.view({ slab: 9, offset: 0, length: 1 }), { code: 'CORRUPT' });
  t.throws(() => memory.view({ slab: 0, offset: description.slabBytes, length: 1 }), { code: 'CORRUPT' });
  const view = memory.view(hello);
  await memory.close();
  t.equal(view.length, 0, 'what was closed is empty, not a fault');
});

t.test('no tmpfs, or no room on it: said why', { skip }, async (t) => {
  const make = (dir: string, capacityBytes: number) =>
    createSharedMemory({ dir, socketPath: '/run/4.sock', capacityBytes });
  if (statfsSync(tmpdir()).type !== TMPFS_MAGIC) {
    await t.rejects(make(tmpdir(), 64 * MiB), { code: 'UNSUPPORTED', message: /is no tmpfs/ });
  }
  await t.rejects(make('/nowhere', 64 * MiB), { code: 'UNSUPPORTED', message: /\/nowhere/ });
  const dir = scratch(t);
  const { bavail, bsize } = statfsSync(dir);
  const tooMuch = Math.ceil((bavail * bsize) / MiB + 1024) * MiB;
  await t.rejects(make(dir, tooMuch), { code: 'UNSUPPORTED', message: /free, and .* needed/ });
  t.same(readdirSync(dir), []);
});
