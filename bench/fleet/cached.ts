/** A race over mounts, with everything that tells where the time went. */
import { watchIdle } from '../lab/machine.js';
import type { FleetCluster } from './cluster.js';
import type { FleetFile } from './file.js';
import { idealCached, type Links } from './ideal.js';
import type { FleetOrigin } from './origin.js';
import type { MountReaders } from './readers.js';
import { type Row, rowOf } from './row.js';
import { type WireReport, watchWire } from './wire.js';

export interface MountRaceInit {
  readonly way: 'cached' | 'cold';
  readonly links: Links;
  readonly origin: FleetOrigin;
  readonly cluster: FleetCluster;
  readonly readers: MountReaders;
  readonly file: FleetFile;
  readonly clients: number;
}

export interface MountRace {
  readonly row: Row;
  readonly wire: WireReport;
  /** Bytes that the origin sent of the file during the race. */
  readonly originBytes: number;
}

export async function raceMounts(init: MountRaceInit): Promise<MountRace> {
  const { way, links, origin, cluster, readers, file, clients } = init;
  const workers = cluster.workers.length;
  const before = await origin.sent(file);
  const mounts = cluster.mounts.slice(0, clients);
  const pids = cluster.workers.map(({ pid }) => pid);
  const { seconds, watched } = await readers.race(file, mounts, () => {
    const idle = watchIdle();
    const wire = watchWire(pids, links.worker);
    return () => ({ idle: idle(), wire: wire() });
  });
  const ideal = idealCached(links, workers, clients);
  const results = seconds.map((seconds) => ({ bytes: file.size, seconds }));
  return {
    row: rowOf({ way, clients, workers, fileBytes: file.size, ideal, results, idle: watched.idle }),
    wire: watched.wire,
    originBytes: (await origin.sent(file)) - before,
  };
}
