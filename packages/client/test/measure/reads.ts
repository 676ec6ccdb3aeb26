/**
 * What reads cost the client alone: sequential reads of 1 MiB from three workers in processes of their own, over TCP
 * and Unix-domain sockets; and the time of one 4 KiB read, from a worker and from memory. Not a test.
 * Run: node packages/client/dist/test/measure/reads.js [GiB]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GiB, inodeId, KiB, MiB, type RingMember } from '@tidecache/protocol';
import type { Client, FileHandle } from '../../src/api.js';
import { connectClient } from '../../src/client.js';
import { fileRecord } from '../doubles/fake-master.js';
import { startSmallMaster } from '../doubles/small-master.js';

const totalBytes = Number(process.argv[2] ?? 4) * GiB;
const directory = mkdtempSync(join(tmpdir(), 'tidecache-measure-'));
const children: ChildProcess[] = [];

async function startWorker(index: number): Promise<RingMember> {
  const script = new URL('./worker-process.js', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, `w${index}`, join(directory, `w${index}.sock`)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  return JSON.parse(line.toString()) as RingMember;
}

async function sequential(client: Client, ino: number, at: number): Promise<void> {
  const handle = await client.open(inodeId(ino));
  const cpu = process.cpuUsage();
  const start = performance.now();
  // As the kernel does: some requests at once, in order.
  const queue: Promise<void>[] = [];
  for (let offset = 0; offset < totalBytes; offset += at) {
    queue.push(Promise.resolve(handle.read(offset, at)).then((slices) => slices.release()));
    if (queue.length >= 4) await queue.shift();
  }
  await Promise.all(queue);
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const gb = totalBytes / 1e9;
  console.log(
    `  sequential ${at / KiB} KiB: ${(gb / seconds).toFixed(2)} GB/s, ${((user + system) / 1e6 / gb).toFixed(3)} CPU s/GB`,
  );
  handle.close();
}

async function each(what: string, count: number, once: (i: number) => Promise<void> | void): Promise<void> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    const pending = once(i);
    if (pending) await pending;
    // Reads from memory never wait, but what is asked for ahead must come in.
    else if (i % 64 === 0) await new Promise(setImmediate);
  }
  const us = ((performance.now() - start) * 1000) / count;
  const { user, system } = process.cpuUsage(cpu);
  console.log(`  ${what}: ${us.toFixed(1)} µs, ${((user + system) / count).toFixed(1)} µs of CPU each`);
}

async function small(client: Client, handle: FileHandle): Promise<void> {
  const sectors = Math.floor(totalBytes / 4096);
  const random = () => Math.floor(Math.random() * sectors) * 4096;
  const readOne = async () => (await handle.read(random(), 4096)).release();
  await each('warm-up', 5_000, readOne);
  await each('4 KiB random, one at a time', 20_000, readOne);
  await each('4 KiB random, 32 at a time (per read)', 2_000, async () => {
    await Promise.all(Array.from({ length: 32 }, readOne));
  });
  const near = await client.open(inodeId(11));
  (await near.read(0, MiB)).release();
  await each('4 KiB from a segment that is there', 200_000, (i) => {
    const slices = near.read((i % 256) * 4096, 4096);
    if (slices instanceof Promise) return slices.then((late) => late.release());
    slices.release();
    return undefined;
  });
  near.close();
}

const members = [await startWorker(0), await startWorker(1), await startWorker(2)];
const files = new Map([
  ['big', fileRecord(10, 'v1', totalBytes)],
  ['near', fileRecord(11, 'v1', 64 * MiB)],
]);
const master = await startSmallMaster('measure', files, { epoch: 1, members });
try {
  for (const [name, hostId] of [
    ['Unix-domain sockets', undefined],
    ['TCP on loopback', 'elsewhere'],
  ] as const) {
    const client = await connectClient({
      master,
      secret: 'measure',
      name: 'measure',
      ...(hostId && { hostId }),
    });
    console.log(name);
    const handle = await client.open(inodeId(10));
    for (let i = 0; i < 3; i++) await sequential(client, 10, MiB);
    await sequential(client, 10, 128 * KiB);
    await small(client, handle);
    console.log(`  ${JSON.stringify(client.stats())}`);
    await client.close();
  }
} finally {
  await master.server.close();
  for (const child of children) child.stdin?.end();
  rmSync(directory, { recursive: true });
}
