/** dataset ls, show, rm. */
import { type Dataset, formatSize, type MetadataPolicy } from '@tidecache/protocol';
import { type DatasetReport, getDataset, listDatasets, removeDataset } from '../api.js';
import { type Column, formatTable, printable } from '../output.js';
import type { Verb } from '../verb.js';
import { API_KEYS, apiOf } from './api-of.js';

const PATH = { name: 'PATH', help: "the dataset's path in the tree, such as /prices" };

export const datasetLs: Verb = {
  name: 'dataset ls',
  summary: 'list the datasets',
  args: [],
  keys: API_KEYS,
  examples: ['tidecache dataset ls', 'tidecache dataset ls --json | jq -r .path   # one object a line'],
  async run(call) {
    const datasets = await listDatasets(apiOf(call));
    if (call.json) for (const dataset of datasets) call.print(JSON.stringify(dataset));
    else call.print(datasets.length > 0 ? formatTable(datasets, DATASET_COLUMNS) : NO_DATASETS);
  },
};

export const datasetShow: Verb = {
  name: 'dataset show',
  summary: 'show one dataset',
  args: [PATH],
  keys: API_KEYS,
  examples: ['tidecache dataset show /prices', 'tidecache dataset show /prices --json'],
  async run(call) {
    const dataset = await getDataset(apiOf(call), normalise(call.args[0] ?? ''));
    call.print(call.json ? JSON.stringify(dataset) : describeDataset(dataset));
  },
};

export const datasetRm: Verb = {
  name: 'dataset rm',
  summary: 'take a dataset out of the tree; its origin keeps all its data',
  args: [PATH],
  keys: API_KEYS,
  examples: ['tidecache dataset rm /prices'],
  async run(call) {
    const removed = await removeDataset(apiOf(call), normalise(call.args[0] ?? ''));
    call.print(call.json ? JSON.stringify(removed) : `removed ${printable(removed.path)}`);
  },
};

export const NO_DATASETS = "no datasets: add one with 'tidecache dataset add PATH URI'";

/** `prices/` and `/prices` are the same dataset; the master checks the rest. */
export function normalise(path: string): string {
  return `/${path.split('/').filter(Boolean).join('/')}`;
}

export const DATASET_COLUMNS: readonly Column<Dataset>[] = [
  { title: 'PATH', cell: (dataset) => dataset.path },
  { title: 'ORIGIN', cell: (dataset) => dataset.uri },
  { title: 'ACCESS', cell: (dataset) => (dataset.readOnly ? 'read-only' : 'read-write') },
  { title: 'METADATA', cell: (dataset) => formatMetadata(dataset.metadata) },
  { title: 'BLOCK', align: 'right', cell: (dataset) => formatSize(dataset.blockBytes) },
];

/** As `--metadata` takes it. */
export function formatMetadata(policy: MetadataPolicy): string {
  if (typeof policy === 'string') return policy;
  return policy.ttlMs % 1000 === 0 ? `ttl=${policy.ttlMs / 1000}s` : `ttl=${policy.ttlMs}ms`;
}

function describeDataset(dataset: DatasetReport): string {
  const { endpoint, region, pathStyle, credentialsFile } = dataset.options;
  const facts: [string, string | undefined][] = [
    ...DATASET_COLUMNS.map(({ title, cell }): [string, string] => [title.toLowerCase(), cell(dataset)]),
    ['endpoint', endpoint],
    ['region', region],
    ['path style', pathStyle === undefined ? undefined : pathStyle ? 'yes' : 'no'],
    ['credentials file', credentialsFile],
    ['known files', String(dataset.inodes)],
    ['id', String(dataset.id)],
  ];
  const shown = facts.filter((fact): fact is [string, string] => fact[1] !== undefined);
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`).join('\n');
}
