/**
 * The rows without a cache: parallel ranged GETs over the origin's capped link. With many clients a whole file each
 * would take minutes and say nothing new, since the origin's line is full all the time: they read for a set time, and
 * the time of a whole file follows from what all of them got, as if they had shared the line evenly.
 */
import { fileURLToPath } from 'node:url';
import type { Scratch } from '@tidecache/test';
import { inBatches } from '../lab/batches.js';
import type { Host } from '../lab/hosts.js';
import { watchIdle } from '../lab/machine.js';
import type { DirectResult, DirectTask } from './direct-reader.js';
import type { FleetFile } from './file.js';
import { idealDirect, type Links } from './ideal.js';
import type { FleetOrigin } from './origin.js';
import { Racer } from './racer.js';
import { type Row, rowOf } from './row.js';
import { signedGet } from './signed-get.js';

const READER = fileURLToPath(new URL('./direct-reader.js', import.meta.url));
const RACE_MS = 10 * 60_000;
const STARTS_AT_ONCE = 4;
const RANGE_BYTES = 256 << 10;
/** Of all clients together: enough to fill the line, and no more than its queue can hold without losing most. */
const IN_FLIGHT = 64;
const MAX_IN_FLIGHT_EACH = 8;

export interface DirectInit {
  readonly scratch: Scratch;
  readonly links: Links;
  readonly origin: FleetOrigin;
  readonly file: FleetFile;
  /** One a client, at least as many as the largest count. */
  readonly hosts: readonly Host[];
  readonly counts: readonly number[];
  readonly rowSeconds: number;
  readonly onRow: (row: Row) => void;
}

export async function measureDirect(init: DirectInit): Promise<Row[]> {
  const racers: Racer[] = [];
  const stop = () => inBatches(STARTS_AT_ONCE, racers, (racer) => racer.stop());
  init.scratch.defer('direct readers', stop);
  await inBatches(STARTS_AT_ONCE, init.hosts.slice(0, Math.max(...init.counts)), async (host) => {
    const name = `direct reader in ${host.name}`;
    racers.push(await Racer.start({ name, ...host.command(process.execPath, [READER]) }));
  });
  const rows: Row[] = [];
  for (const clients of init.counts) {
    const row = await measureRow(init, racers.slice(0, clients));
    init.onRow(row);
    rows.push(row);
  }
  // A hundred processes: the mounts need their memory.
  await stop();
  return rows;
}

async function measureRow(init: DirectInit, racers: readonly Racer[]): Promise<Row> {
  const { links, origin, file, rowSeconds } = init;
  const clients = racers.length;
  const task: DirectTask = {
    file,
    ...(await signedGet(origin, file)),
    rangeBytes: RANGE_BYTES,
    inFlight: Math.max(1, Math.min(MAX_IN_FLIGHT_EACH, Math.floor(IN_FLIGHT / clients))),
    forMs: rowSeconds * 1000,
  };
  await inBatches(STARTS_AT_ONCE, racers, (racer) => racer.prepare(task));
  const idle = watchIdle();
  const results = await Promise.all(racers.map((racer) => racer.go<DirectResult>(RACE_MS)));
  const ideal = idealDirect(links, clients);
  return rowOf({ way: 'direct', clients, workers: 0, fileBytes: file.size, ideal, results, idle: idle() });
}
