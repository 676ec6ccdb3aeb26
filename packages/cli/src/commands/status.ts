import { formatSize } from '@tidecache/protocol';
import { getStatus, type StatusReport } from '../api.js';
import { formatEndpoint } from '../config/endpoint.js';
import { type Column, formatTable, printable } from '../output.js';
import type { Verb } from '../verb.js';
import { API_KEYS, apiOf } from './api-of.js';
import { DATASET_COLUMNS, NO_DATASETS } from './dataset.js';

export const status: Verb = {
  name: 'status',
  summary: 'show the cluster: workers, datasets, clients',
  args: [],
  keys: API_KEYS,
  examples: ['tidecache status', 'tidecache status --api master.internal:7441 --json | jq .epoch'],
  async run(call) {
    const answer = await getStatus(apiOf(call));
    call.print(call.json ? JSON.stringify(flat(answer)) : formatStatus(answer));
  },
};

/** For programs: `.workers[].id` rather than `.workers[].member.id`. */
function flat({ workers, ...rest }: StatusReport): object {
  return { ...rest, workers: workers.map(({ member, ...facts }) => ({ ...member, ...facts })) };
}

type WorkerRow = StatusReport['workers'][number];

const WORKER_COLUMNS: readonly Column<WorkerRow>[] = [
  { title: 'WORKER', cell: ({ member }) => member.id },
  { title: 'ADDRESS', cell: ({ member }) => formatEndpoint(member) },
  {
    title: 'MEMORY',
    align: 'right',
    cell: ({ stats, memoryBytes }) => `${formatSize(stats?.usedBytes ?? 0)} / ${formatSize(memoryBytes)}`,
  },
  { title: 'HITS', align: 'right', cell: hitRatio },
  { title: 'SERVED', align: 'right', cell: ({ stats }) => formatSize(stats?.servedBytes ?? 0) },
  { title: 'HEARD', align: 'right', cell: ({ silentMs }) => `${(silentMs / 1000).toFixed(1)} s ago` },
  { title: 'LEASE', align: 'right', cell: ({ leaseLeftMs }) => `${(leaseLeftMs / 1000).toFixed(1)} s left` },
];

const CLIENT_COLUMNS: readonly Column<string>[] = [{ title: 'CLIENT', cell: (name) => name }];

/** For people. */
export function formatStatus(answer: StatusReport): string {
  const { clusterId, release, epoch, settled, workers, datasets, clients } = answer;
  const restarted = settled ? '' : '  just restarted: waiting for the workers of before';
  const head = `cluster ${printable(clusterId)}  release ${printable(release)}  epoch ${epoch}${restarted}`;
  return [
    head,
    workers.length > 0
      ? formatTable(workers, WORKER_COLUMNS)
      : "no workers: start one with 'tidecache worker'",
    datasets.length > 0 ? formatTable(datasets, DATASET_COLUMNS) : NO_DATASETS,
    clients.length > 0
      ? formatTable(clients, CLIENT_COLUMNS)
      : "no clients: mount the tree with 'tidecache mount DIR'",
  ].join('\n\n');
}

function hitRatio({ stats }: WorkerRow): string {
  const asked = (stats?.hits ?? 0) + (stats?.misses ?? 0);
  return asked === 0 ? '-' : `${((100 * (stats?.hits ?? 0)) / asked).toFixed(1)} %`;
}
