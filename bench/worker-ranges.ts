/**
 * What one worker on one core can answer from memory: 64 KiB ranges over many connections, and 1 MiB ranges. Beside
 * it, on the same two cores, iperf3: one TCP stream over loopback, which is what the kernel takes for the bytes alone.
 */
import { fileURLToPath } from 'node:url';
import { encodeSource, fileIdOf, Source } from '@tidecache/protocol';
import { type Cluster, freePorts, needPrograms, run, type Scratch, Service, undoing } from '@tidecache/test';
import { startCluster } from './lab/bench-cluster.js';
import { atLeast, atMost, type Bench, type Figure, median } from './lab/figures.js';
import { startOrigin } from './lab/origin/start.js';
import type { Asking } from './lab/ranges/asker.js';
import { cpuSecondsOf } from './lab/resident.js';

const bench = 'worker-ranges';
const ASKER = fileURLToPath(new URL('./lab/ranges/asker.js', import.meta.url));
const FILE_BYTES = 256 << 20;
const WORKER_CORE = '0';
const ASKER_CORE = '1';
const SHAPES = {
  '64 KiB': { rangeBytes: 64 << 10, connections: 64, depth: 4 },
  '1 MiB': { rangeBytes: 1 << 20, connections: 8, depth: 4 },
};

interface Taken {
  readonly perSecond: number;
  readonly perCpuSecond: number;
  readonly gbPerSecond: number;
  readonly cpuPerGb: number;
}

export const workerRanges: Bench = {
  name: bench,
  description: 'one worker on one core: 64 KiB ranges over 64 connections, and 1 MiB ranges',
  method:
    'A worker pinned to core 0 with all threads; on core 1 a process that keeps 4 requests on each of 64 connections\n' +
    '(8 for 1 MiB), for ranges all over a file of 256 MiB that the worker holds, over TCP, and throws the replies away\n' +
    'after looking at their headers. Replies per second of wall clock, and per second of the worker’s own CPU (user\n' +
    'and system, /proc/PID/stat): the first falls when the asking core is slower than the answering one. Beside it\n' +
    'iperf3 with one stream, its server on core 1 and its client, which sends, on core 0.',
  run: ({ quick, say }) =>
    undoing(bench, async (scratch) => {
      await needPrograms({ iperf3: 'iperf3', taskset: 'util-linux' });
      const seconds = quick ? 2 : 4;
      const { worker, asking } = await warmWorker(scratch);
      const iperf = await startIperf(scratch);
      const taken: Record<string, Taken[]> = { '64 KiB': [], '1 MiB': [] };
      const floor: number[] = [];
      for (let round = 0; round < (quick ? 3 : 7); round++) {
        for (const [name, shape] of Object.entries(SHAPES)) {
          const one = await ask(worker.pid, { ...asking, ...shape, seconds });
          taken[name]!.push(one);
          say(
            `${name}: ${one.perSecond.toFixed(0)}/s, ${one.perCpuSecond.toFixed(0)} per CPU s, ${one.gbPerSecond.toFixed(2)} GB/s`,
          );
        }
        floor.push(await iperf(seconds));
        say(`iperf3: ${floor.at(-1)!.toFixed(2)} GB/s`);
      }
      return figures(taken, floor);
    }),
};

async function warmWorker(scratch: Scratch) {
  const origin = await startOrigin(scratch, { objects: [{ key: 'large', size: FILE_BYTES }] });
  const cluster = await startCluster(scratch, origin, { workers: 1, memory: '1GiB', unixSockets: false });
  const client = await cluster.connect('warm-up');
  const inode = await client.resolve('/bench/large');
  const handle = await client.open(inode.ino as never);
  const into = Buffer.alloc(8 << 20);
  for (let at = 0; at < FILE_BYTES; at += into.length) await handle.readInto(into, at);
  const { datasetId, key, version, size, blockBytes } = inode;
  const source = Source.parse({ datasetId, key, version, size, blockBytes });
  const worker = cluster.workers[0]!;
  await run('taskset', ['-acp', WORKER_CORE, String(worker.pid)]);
  const asking = {
    ...(await addressOf(cluster)),
    secretFile: cluster.env.TIDECACHE_SECRET_FILE!,
    fileId: Buffer.from(fileIdOf(source), 'latin1').toString('hex'),
    source: encodeSource(source).toString('hex'),
    fileBytes: FILE_BYTES,
    blockBytes: source.blockBytes,
  };
  return { worker, asking };
}

async function addressOf(cluster: Cluster): Promise<{ host: string; port: number }> {
  const status = JSON.parse(await cluster.cli('status', '--json')) as {
    workers: { host: string; port: number }[];
  };
  const { host, port } = status.workers[0]!;
  return { host, port };
}

async function ask(pid: number, asking: Asking): Promise<Taken> {
  const before = cpuSecondsOf(pid);
  const printed = await run('taskset', ['-c', ASKER_CORE, process.execPath, ASKER, JSON.stringify(asking)]);
  const cpuSeconds = cpuSecondsOf(pid) - before;
  const { replies, seconds } = JSON.parse(printed) as { replies: number; seconds: number };
  const gb = (replies * asking.rangeBytes) / 1e9;
  return {
    perSecond: replies / seconds,
    perCpuSecond: replies / cpuSeconds,
    gbPerSecond: gb / seconds,
    cpuPerGb: cpuSeconds / gb,
  };
}

/** Resolves to a run of one stream for so many seconds, which resolves to GB/s. */
async function startIperf(scratch: Scratch): Promise<(seconds: number) => Promise<number>> {
  const [port] = await freePorts(1);
  const server = new Service({
    name: 'iperf3',
    command: 'taskset',
    args: ['-c', ASKER_CORE, 'iperf3', '--server', '--port', String(port), '--forceflush'],
  });
  scratch.defer('iperf3', () => server.stop());
  await server.line('listening', (line) => (line.includes('listening') ? true : undefined));
  return async (seconds) => {
    const args = ['--client', '127.0.0.1', '--port', String(port), '--time', String(seconds), '--json'];
    const printed = await run('taskset', ['-c', WORKER_CORE, 'iperf3', ...args]);
    const { end } = JSON.parse(printed) as { end: { sum_received: { bits_per_second: number } } };
    return end.sum_received.bits_per_second / 8e9;
  };
}

function figures(taken: Record<string, Taken[]>, floor: number[]): Figure[] {
  const of = (name: string, value: (one: Taken) => number) => median(taken[name]!.map(value));
  const small = of('64 KiB', (one) => one.perSecond);
  const cost = of('1 MiB', (one) => one.cpuPerGb);
  const share = (name: string) => median(taken[name]!.map((one, i) => one.gbPerSecond / floor[i]!));
  const name = (figure: string) => ({ bench, figure });
  return [
    { ...name('64 KiB: replies'), value: small, unit: '/s', ...atLeast(small, 45_000) },
    {
      ...name('64 KiB: replies per second of worker CPU'),
      value: of('64 KiB', (one) => one.perCpuSecond),
      unit: '/CPU s',
    },
    ...Object.keys(taken).flatMap((shape): Figure[] => [
      {
        ...name(`${shape}: worker CPU`),
        value: of(shape, (one) => one.cpuPerGb),
        unit: 'CPU s/GB',
        ...(shape === '1 MiB' ? atMost(cost, 0.25) : {}),
      },
      { ...name(`${shape}: throughput`), value: of(shape, (one) => one.gbPerSecond), unit: 'GB/s' },
      { ...name(`${shape}: throughput to iperf3`), value: share(shape), unit: '×', peer: 'iperf3' },
    ]),
    { ...name('iperf3: throughput'), value: median(floor), unit: 'GB/s' },
  ];
}
