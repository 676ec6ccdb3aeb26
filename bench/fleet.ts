/**
 * The report's table, scaled down: a fleet of clients, each a mount in a host of its own, reads the same file at the same
 * moment, straight from a capped origin and through the workers. What is measured is said in bench/README.md.
 */
import { undoing } from '@tidecache/test';
import { raceMounts } from './fleet/cached.js';
import { fleetChart } from './fleet/chart.js';
import { FleetCluster, MOUNT_BUFFER_BYTES } from './fleet/cluster.js';
import { measureDirect } from './fleet/direct.js';
import type { FleetFile } from './fleet/file.js';
import { fleetFigures } from './fleet/fleet-figures.js';
import { LINKS } from './fleet/ideal.js';
import { FleetOrigin } from './fleet/origin.js';
import { MountReaders } from './fleet/readers.js';
import { type Row, rowLine } from './fleet/row.js';
import { fleetTable } from './fleet/table.js';
import { wireLine } from './fleet/wire.js';
import type { Bench } from './lab/figures.js';
import { Hosts } from './lab/hosts.js';
import { scratchName } from './lab/leftovers.js';
import { peakResidentBytes } from './lab/machine.js';

const FULL = {
  workers: 20,
  counts: [1, 2, 5, 10, 20, 50, 100],
  fileBytes: 64 << 20,
  practiceBytes: 24 << 20,
  directSeconds: 12,
};
const QUICK = {
  workers: 20,
  counts: [1, 10, 40],
  fileBytes: 16 << 20,
  practiceBytes: 8 << 20,
  directSeconds: 4,
};

export const fleet: Bench = {
  name: 'fleet',
  description: '1 to 100 mounts read one file at once, from 20 workers and straight from the origin (root)',
  run: ({ quick, say, keep }) =>
    undoing(scratchName('fleet'), async (scratch, signal) => {
      const { workers, counts, fileBytes, practiceBytes, directSeconds } = quick ? QUICK : FULL;
      const links = LINKS;
      const most = Math.max(...counts);
      const warm = counts.map((count): FleetFile => ({ key: `for-${count}`, size: fileBytes }));
      const cold: FleetFile = { key: 'cold', size: fileBytes };
      const practice: FleetFile = { key: 'practice', size: practiceBytes };
      const onRow = (row: Row) => say(rowLine(row));

      const hosts = await Hosts.start(scratch);
      const origin = await FleetOrigin.start(scratch, await hosts.add(links.origin), [
        practice,
        ...warm,
        cold,
      ]);
      const clients = await hosts.addMany(most, links.client);
      say('straight from the origin');
      const direct = await measureDirect({
        ...{
          scratch,
          links,
          origin,
          file: cold,
          hosts: clients,
          counts,
          onRow,
          rowSeconds: directSeconds,
        },
      });

      say(`starting ${workers} workers and ${most} mounts; one reading warms each file`);
      const cluster = await FleetCluster.start(scratch, hosts, links, origin);
      await cluster.addWorkers(workers);
      const warming = async () => {
        const warmer = await cluster.addWarmer();
        const readers = await MountReaders.start(scratch, 1);
        for (const file of warm) await readers.warm(file, warmer);
      };
      await Promise.all([warming(), cluster.addMounts(clients)]);
      signal.throwIfAborted();

      const readers = await MountReaders.start(scratch, most);
      await readers.practise(practice, cluster.mounts);
      const base = { links, origin, cluster, readers };
      const cached: Row[] = [];
      let warmOriginBytes = 0;
      for (const [i, file] of warm.entries()) {
        const race = await raceMounts({ ...base, way: 'cached', file, clients: counts[i]! });
        warmOriginBytes += race.originBytes;
        onRow(race.row);
        say(wireLine(race.wire));
        cached.push(race.row);
      }
      const last = await raceMounts({ ...base, way: 'cold', file: cold, clients: most });
      onRow(last.row);
      const result = {
        ...{ direct, cached, cold: last.row },
        originPerByte: last.originBytes / cold.size,
        warmOriginPerByte: warmOriginBytes / (fileBytes * warm.length),
        peakResidentBytes: Math.max(...cluster.mounts.map(({ service }) => peakResidentBytes(service.pid))),
        bufferBytes: MOUNT_BUFFER_BYTES,
      };
      const figures = fleetFigures(result);
      keep('md', `${method(workers, fileBytes)}\n${fleetTable(direct, cached)}`);
      keep('svg', fleetChart(direct, cached));
      return figures;
    }),
};

function method(workers: number, fileBytes: number): string {
  const { origin, worker, client } = LINKS;
  const links = `links of ${origin} Mbit/s (origin), ${worker} (each of ${workers} workers), ${client} (each client)`;
  return `${fileBytes / 2 ** 20} MiB, ${links}.\n`;
}
