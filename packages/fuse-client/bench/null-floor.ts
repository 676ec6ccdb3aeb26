/**
 * The null FUSE floor: what a mount costs when the bytes cost nothing. For each transport: a cold sequential read by
 * dd, random 4 KiB reads, stats of names never seen. Run: node packages/fuse-client/dist/bench/null-floor.js [kernel|fuse-native]
 */
import { fork, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { GiB } from '@tidecache/protocol';
import { mountFileSystem, type Transport } from '../src/index.js';
import { nullFileSystem } from '../src/testing/index.js';

const FILE_BYTES = 3 * GiB;
const RUNS = 3;
const THREADS = 4;
const READS_PER_THREAD = 20_000;
const STATS = 20_000;

/** Busy CPU time of the whole machine, in seconds. Steadier than wall time where the machine is shared. */
function busyCpuSeconds(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]!
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq) / 100;
}

/** Runs a loop of system calls in threads of their own; calls per second in all. */
async function callsPerSecond(threads: number, calls: number, body: string): Promise<number> {
  const program = `const fs = require('node:fs'); const { workerData: { seed, calls } } = require('node:worker_threads'); ${body}`;
  const startedMs = performance.now();
  await Promise.all(
    Array.from(
      { length: threads },
      (_, seed) =>
        new Promise((resolve, reject) => {
          const worker = new Worker(program, { eval: true, workerData: { seed, calls } });
          worker.on('exit', resolve).on('error', reject);
        }),
    ),
  );
  return (threads * calls * 1000) / (performance.now() - startedMs);
}

async function measure(mountPoint: string): Promise<Record<string, string>> {
  const path = JSON.stringify(join(mountPoint, 'data'));
  spawnSync('sync');
  writeFileSync('/proc/sys/vm/drop_caches', '1');
  const cpu = busyCpuSeconds();
  const startedMs = performance.now();
  const dd = spawnSync('dd', [`if=${mountPoint}/data`, 'of=/dev/null', 'bs=1M', 'status=none']);
  if (dd.status !== 0) throw new Error(`dd failed: ${dd.stderr}`);
  const seconds = (performance.now() - startedMs) / 1000;
  const cpuPerGb = (busyCpuSeconds() - cpu) / (FILE_BYTES / 1e9);
  writeFileSync('/proc/sys/vm/drop_caches', '1');
  const reads = await callsPerSecond(
    THREADS,
    READS_PER_THREAD,
    // O_DIRECT: each call is a request; the page cache answers none.
    `const fd = fs.openSync(${path}, fs.constants.O_RDONLY | fs.constants.O_DIRECT); const into = Buffer.alloc(4096);
     for (let i = 0; i < calls; i++) fs.readSync(fd, into, 0, 4096, Math.floor(Math.random() * ${FILE_BYTES / 4096}) * 4096);`,
  );
  const prefix = JSON.stringify(join(mountPoint, `x${process.hrtime.bigint()}-`));
  const stats = await callsPerSecond(1, STATS, `for (let i = 0; i < calls; i++) fs.statSync(${prefix} + i);`);
  return {
    'GB/s': (FILE_BYTES / 1e9 / seconds).toFixed(2),
    'CPU s/GB': cpuPerGb.toFixed(2),
    'random reads/s': reads.toFixed(0),
    'stat/s': stats.toFixed(0),
  };
}

async function serve(transport: Transport, mountPoint: string): Promise<void> {
  const mount = await mountFileSystem({ transport, mountPoint, fileSystem: nullFileSystem(FILE_BYTES) });
  process.on('disconnect', () => void mount.unmount().finally(() => process.exit(0)));
  process.send?.('mounted');
}

async function main(transports: readonly Transport[]): Promise<void> {
  for (const transport of transports) {
    const mountPoint = mkdtempSync(join(tmpdir(), 'tidecache-floor-'));
    const child = fork(fileURLToPath(import.meta.url), ['serve', transport, mountPoint]);
    const exited = new Promise((resolve) => child.once('exit', resolve));
    try {
      await new Promise((resolve, reject) => {
        child.once('message', resolve);
        child.once('exit', () => reject(new Error(`no mount through ${transport}`)));
      });
      for (let run = 0; run < RUNS; run++) console.log(transport, await measure(mountPoint));
    } finally {
      if (child.connected) child.disconnect();
      await exited;
      rmdirSync(mountPoint);
    }
  }
}

const [command, transport, mountPoint] = process.argv.slice(2);
if (command === 'serve' && mountPoint) await serve(transport as Transport, mountPoint);
else await main(command ? [command as Transport] : ['kernel', 'fuse-native']);
