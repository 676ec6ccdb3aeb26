/**
 * Not a test: `node packages/transport/dist/test/bench.js`. Reads over loopback from a server in a process of its own
 * into buffers of one SharedArrayBuffer; prints GB/s and CPU seconds per GB of each side. With `IO_THREADS=1` the client's
 * socket is in a thread.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import type { Address } from '../src/api.js';
import { createPeer } from '../src/client/peer.js';
import { listen } from '../src/server/listen.js';
import { createPeerThreads } from '../src/threads/peer-threads.js';

const MiB = 1024 * 1024;
const SECONDS = Number(process.env.BENCH_SECONDS ?? 3);
const cpuSeconds = (from: NodeJS.CpuUsage) => {
  const used = process.cpuUsage(from);
  return (used.user + used.system) / 1e6;
};

if (process.argv[2] === 'server') await serveForever();
else await measureAll();

async function serveForever(): Promise<void> {
  const memory = Buffer.from(new SharedArrayBuffer(64 * MiB));
  for (let i = 0; i < memory.length; i += 8) memory.writeDoubleLE(Math.random(), i);
  const crcs = new Map<number, number>();
  let at = 0;
  const server = await listen({
    addresses: [{ host: '127.0.0.1', port: 0 }, { unixPath: process.argv[3]! }],
    secret: 'bench',
    name: 'server',
    handler(exchange) {
      const bytes = exchange.body.readUInt32LE(0);
      at = at + bytes > memory.length ? 0 : at;
      const part = memory.subarray(at, at + bytes);
      // A worker has the checksum already: here, after the first round.
      const key = at * 8 + bytes / 65_536;
      let crc = crcs.get(key);
      if (crc === undefined) {
        crc = crc32(part);
        crcs.set(key, crc);
      }
      at += bytes;
      exchange.reply(Buffer.alloc(0), { parts: [part], crc });
    },
  });
  let cpuFrom = process.cpuUsage();
  process.on('message', (message) => {
    if (message === 'start') cpuFrom = process.cpuUsage();
    process.send?.({ cpuSeconds: cpuSeconds(cpuFrom) });
  });
  process.send?.({ addresses: server.addresses });
  await once(process, 'disconnect');
  await server.close(0);
}

async function measureAll(): Promise<void> {
  const unixPath = `/tmp/tidecache-bench-${process.pid}.sock`;
  const child = fork(fileURLToPath(import.meta.url), ['server', unixPath]);
  const [{ addresses }] = (await once(child, 'message')) as [{ addresses: Address[] }];
  const ask = async (message: string) => {
    const answer = once(child, 'message') as Promise<[{ cpuSeconds: number }]>;
    child.send(message);
    return (await answer)[0].cpuSeconds;
  };
  for (const [bytes, depth] of [
    [MiB, 8],
    [256 * 1024, 16],
    [64 * 1024, 32],
    [4096, 64],
  ] as const) {
    for (const address of addresses) await measure(address, bytes, depth, ask);
  }
  child.disconnect();
}

async function measure(
  address: Address,
  bytes: number,
  depth: number,
  ask: (message: string) => Promise<number>,
): Promise<void> {
  const ioThreads = Number(process.env.IO_THREADS ?? 0);
  const threads = ioThreads > 0 ? createPeerThreads({ threads: ioThreads }) : undefined;
  const peer = (threads?.createPeer ?? createPeer)({ address, secret: 'bench', name: 'client' });
  const memory = Buffer.from(new SharedArrayBuffer(bytes * depth));
  const body = Buffer.alloc(200);
  body.writeUInt32LE(bytes);
  let stopAt = performance.now() + 500;
  let received = 0;
  const lane = async (i: number) => {
    const into = memory.subarray(i * bytes, (i + 1) * bytes);
    while (performance.now() < stopAt) {
      const reply = await peer.request(0x30, body, { deadlineMs: 5_000, silenceMs: 2_000, into });
      received += reply.payloadBytes;
    }
  };
  const run = () => Promise.all(Array.from({ length: depth }, (_, i) => lane(i)));
  await run();
  received = 0;
  stopAt = performance.now() + SECONDS * 1000;
  await ask('start');
  const cpuFrom = process.cpuUsage();
  const startedAt = performance.now();
  await run();
  const seconds = (performance.now() - startedAt) / 1000;
  const [client, server] = [cpuSeconds(cpuFrom), await ask('stop')];
  const gigabytes = received / 1e9;
  const what = `${bytes / 1024} KiB × ${depth} ${'unixPath' in address ? 'unix' : 'tcp'}`.padEnd(20);
  console.log(
    `${what} ${(gigabytes / seconds).toFixed(2)} GB/s, ${Math.round(received / bytes / seconds)} requests/s, ` +
      `CPU s/GB: client ${(client / gigabytes).toFixed(3)}, server ${(server / gigabytes).toFixed(3)}`,
  );
  await peer.close();
  await threads?.close();
}
