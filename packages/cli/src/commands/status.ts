import { formatSize } from '@tidecache/protocol';
import { getStatus, type Status } from '../api.js';
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
    call.print(call.json ? JSON.stringify(answer) : formatStatus(answer));
  },
};

type WorkerRow = Status['workers'][number];
type ClientRow = Status['clients'][number];

const WORKER_COLUMNS: readonly Column<WorkerRow>[] = [
  { title: 'WORKER', cell: (worker) => worker.id },
  { title: 'ADDRESS', cell: formatEndpoint },
  {
    title: 'MEMORY',
    align: 'right',
    cell: (worker) => `${formatSize(worker.stats?.usedBytes ?? 0)} / ${formatSize(worker.memoryBytes)}`,
  },
  { title: 'HITS', align: 'right', cell: (worker) => hitRatio(worker) },
  { title: 'SERVED', align: 'right', cell: (worker) => formatSize(worker.stats?.servedBytes ?? 0) },
  { title: 'LEASE AGE', align: 'right', cell: (worker) => `${(worker.leaseAgeMs / 1000).toFixed(1)} s` },
];

const CLIENT_COLUMNS: readonly Column<ClientRow>[] = [
  { title: 'CLIENT', cell: (client) => client.name },
  { title: 'FROM', cell: (client) => client.remote ?? '' },
];

/** For people. */
export function formatStatus(answer: Status): string {
  const { clusterId, release, epoch, workers, datasets, clients } = answer;
  const head = `cluster ${printable(clusterId)}  release ${printable(release)}  epoch ${epoch}`;
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
