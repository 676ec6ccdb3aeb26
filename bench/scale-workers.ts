/**
 * Does bandwidth grow with the workers? Fifty mounts read the same file at the same moment; the workers' lines are the
 * limit throughout. The file grows with the workers, so that every row takes as long and each worker holds as many blocks.
 * The row of most workers is the first, and workers leave between rows: with one, the mounts' practice would take minutes.
 */
import { undoing } from '@tidecache/test';
import { raceMounts } from './fleet/cached.js';
import { scaleChart } from './fleet/chart.js';
import { FleetCluster } from './fleet/cluster.js';
import type { FleetFile } from './fleet/file.js';
import { LINKS } from './fleet/ideal.js';
import { FleetOrigin } from './fleet/origin.js';
import { MountReaders } from './fleet/readers.js';
import { type Row, rowLine } from './fleet/row.js';
import { scaleFigures } from './fleet/scale-figures.js';
import { scaleTable } from './fleet/table.js';
import { wireLine } from './fleet/wire.js';
import type { Bench } from './lab/figures.js';
import { Hosts } from './lab/hosts.js';
import { scratchName } from './lab/leftovers.js';
import { setReadAhead } from './lab/read-ahead.js';

/**
 * As small as blocks are: fifty mounts whose kernels ask for 4 MiB at once have 200 MiB on their way, 50 s of one worker's
 * line.
 */
const READ_AHEAD_KIB = 256;
const FULL = { counts: [1, 2, 4, 8, 16], clients: 50, fileBytesPerWorker: 6 << 20, practiceBytes: 24 << 20 };
const QUICK = { counts: [1, 16], clients: 40, fileBytesPerWorker: 3 << 19, practiceBytes: 8 << 20 };

export const scaleWorkers: Bench = {
  name: 'scale-workers',
  description: '50 mounts read one file at once from 1, 2, 4, 8 and 16 workers (root)',
  run: ({ quick, say, keep }) =>
    undoing(scratchName('scale-workers'), async (scratch, signal) => {
      const { counts, clients, fileBytesPerWorker, practiceBytes } = quick ? QUICK : FULL;
      const links = LINKS;
      const files = counts.map(
        (count): FleetFile => ({ key: `for-${count}`, size: count * fileBytesPerWorker }),
      );
      const practice: FleetFile = { key: 'practice', size: practiceBytes };
      const hosts = await Hosts.start(scratch);
      const origin = await FleetOrigin.start(scratch, await hosts.add(links.origin), [practice, ...files]);
      const cluster = await FleetCluster.start(scratch, hosts, links, origin);
      say(`starting ${clients} mounts`);
      await cluster.addMounts(await hosts.addMany(clients, links.client));
      for (const { dir } of cluster.mounts) await setReadAhead(dir, READ_AHEAD_KIB);
      const warmer = await cluster.addWarmer();
      const readers = await MountReaders.start(scratch, clients);
      await cluster.addWorkers(Math.max(...counts));
      await readers.practise(practice, cluster.mounts);
      const rows: Row[] = [];
      for (const [i, file] of [...files.entries()].reverse()) {
        signal.throwIfAborted();
        await cluster.removeWorkers(cluster.workers.length - counts[i]!);
        await readers.warm(file, warmer);
        const race = await raceMounts({ links, origin, cluster, readers, way: 'cached', file, clients });
        say(`${counts[i]} workers: ${rowLine(race.row)}`);
        say(wireLine(race.wire));
        rows.unshift(race.row);
      }
      const figures = scaleFigures(rows);
      const method = `${clients} clients, ${fileBytesPerWorker / 2 ** 20} MiB of file for each worker.`;
      keep('md', `${method}\n\n${scaleTable(rows)}`);
      keep('svg', scaleChart(rows));
      return figures;
    }),
};
