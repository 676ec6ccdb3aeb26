/**
 * `npm start`: a whole cluster on this machine, real data in real origins, all of it mounted under ./mnt. With
 * `--once` it ends by itself: status 0 and `OK`, or 1 and what differed.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Cluster, Scratch, whyNoMount } from '../lab/index.js';
import { type DemoOrigins, startOrigins } from './origins.js';
import { clientReader, mountReader, type Reader } from './reader.js';
import { Report } from './report.js';
import { showChecksums, showKilledWorker, showThroughput, showTree } from './show.js';

const { once } = parse();
const report = new Report();
const scratch = new Scratch('demo');
const stopped = new Promise<'signal'>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve('signal'));
});

let failed: Error | undefined;
try {
  // A signal ends the demo wherever it is: what is under way fails when its parts go away, unheard.
  const shown = show();
  shown.catch(() => undefined);
  const ended = await Promise.race([shown, stopped]);
  if (ended !== 'signal' && !once) await stopped;
} catch (thrown) {
  failed = thrown as Error;
}
console.log('\nstopping …');
await scratch.clean().catch((thrown: Error) => {
  failed ??= thrown;
});
if (failed) console.error(`error: ${failed.message}`);
for (const difference of report.differences) console.error(`differs: ${difference}`);
const ok = !failed && report.differences.length === 0;
if (ok) console.log('OK');
process.exit(ok ? 0 : 1);

async function show(): Promise<void> {
  report.step('Origins: an S3 server and a NAS directory, with the tables of vega-datasets and a 1 GiB file');
  const origins = await startOrigins(scratch, report);
  report.step('Cluster: a master and 3 workers of 1 GiB, each a process');
  const cluster = await Cluster.start(scratch, { workers: 3, memory: '1GiB' });
  for (const { path, uri, flags } of origins.datasets) {
    await cluster.addDataset(path, uri, ...flags);
    report.line(`${path} ← ${uri}`);
  }
  const reader = await openReader(cluster);
  report.step(`The tree, through ${reader.how}`);
  await showTree(reader, report);
  report.step('The large file, cold: every byte comes from the origin, once');
  await showThroughput('cold read', reader, cluster, origins.large, report);
  report.step('The large file, warm: every byte comes from the workers');
  await showThroughput('warm read', reader, cluster, origins.large, report);
  report.step("Every file's checksum beside its origin's");
  await showChecksums(reader, origins, report);
  report.step('The large file again, with a worker killed half-way');
  await showKilledWorker(reader, cluster, origins.large, report);
  if (!once) invite(cluster, origins, reader);
}

async function openReader(cluster: Cluster): Promise<Reader> {
  const reason = whyNoMount();
  if (reason) {
    report.line(`nothing can be mounted here: ${reason}; reading through the client library instead`);
    return clientReader(await cluster.connect('demo'));
  }
  const dir = join(process.cwd(), 'mnt');
  if (!existsSync(dir)) mkdirSync(dir);
  await cluster.mount('kernel', dir);
  return mountReader(dir);
}

function invite(cluster: Cluster, origins: DemoOrigins, reader: Reader): void {
  report.step('It stays up. In another terminal, in this directory:');
  const exported = Object.entries(cluster.env).map(([key, value]) => `${key}=${value}`);
  report.line(`export ${exported.join(' ')}`);
  report.line("alias tidecache='node packages/cli/bin/tidecache.cjs'");
  report.line('tidecache status');
  if (reader.how.startsWith('the mount'))
    report.line('ls -l mnt/market/tables; head mnt/market/tables/stocks.csv');
  report.line(`tidecache dataset add /more nas:///usr/share --read-only   # shows in ${reader.how} at once`);
  report.line(`tidecache dataset rm ${origins.datasets[1]!.path}`);
  report.line('Ctrl-C here unmounts and stops everything.');
}

function parse(): { once: boolean } {
  try {
    const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } });
    return { once: values.once };
  } catch (thrown) {
    console.error(`error: ${(thrown as Error).message}\nusage: npm start [-- --once]`);
    process.exit(2);
  }
}
