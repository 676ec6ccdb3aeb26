/** The master's HTTP API as this command uses it: paths and the shapes of answers. */
import { Dataset, type MetadataPolicy, WorkerStats } from '@tidecache/protocol';
import { z } from 'zod';
import { type ApiInit, callApi } from './http-client.js';
import { API_ORIGIN_DEADLINE_MS } from './limits.js';

/** What `dataset add` sends. */
export interface NewDataset {
  readonly path: string;
  readonly uri: string;
  readonly readOnly: boolean;
  readonly metadata: MetadataPolicy;
  readonly blockBytes?: number;
  readonly options: Dataset['options'];
}

export const Status = z.object({
  clusterId: z.string(),
  release: z.string(),
  epoch: z.number(),
  workers: z.array(
    z.object({
      id: z.string(),
      host: z.string(),
      port: z.number(),
      memoryBytes: z.number(),
      leaseAgeMs: z.number(),
      stats: WorkerStats.optional(),
    }),
  ),
  datasets: z.array(Dataset),
  clients: z.array(
    z.object({ name: z.string(), remote: z.string().optional(), release: z.string().optional() }),
  ),
});
export type Status = z.infer<typeof Status>;

export const getStatus = (api: ApiInit): Promise<Status> =>
  callApi(api, { method: 'GET', path: '/v1/status', answer: Status });

export async function listDatasets(api: ApiInit): Promise<Dataset[]> {
  const answer = z.object({ datasets: z.array(Dataset) });
  return (await callApi(api, { method: 'GET', path: '/v1/datasets', answer })).datasets;
}

export const addDataset = (api: ApiInit, dataset: NewDataset): Promise<Dataset> =>
  callApi(api, {
    method: 'POST',
    path: '/v1/datasets',
    body: dataset,
    answer: Dataset,
    deadlineMs: API_ORIGIN_DEADLINE_MS,
  });

export const removeDataset = (api: ApiInit, path: string): Promise<unknown> =>
  callApi(api, { method: 'DELETE', path: '/v1/datasets', query: { path }, answer: z.unknown() });
