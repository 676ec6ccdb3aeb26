/** The master's HTTP API as this command uses it: paths, and the shapes of answers. */
import type { DatasetReport, DatasetsReport, NewDatasetBody, StatusReport } from '@tidecache/master';
import { Dataset, RingMember, WorkerStats } from '@tidecache/protocol';
import { z } from 'zod';
import { type ApiInit, callApi } from './http-client.js';
import { API_ORIGIN_DEADLINE_MS } from './limits.js';

// The master's own schemas are held against these by the compiler, not loaded: `tidecache status` needs no database.
const DatasetAnswer: z.ZodType<DatasetReport> = z.object({ ...Dataset.shape, inodes: z.number() });
const DatasetsAnswer: z.ZodType<DatasetsReport> = z.object({
  generation: z.number(),
  datasets: z.array(DatasetAnswer),
});
const StatusAnswer: z.ZodType<StatusReport> = z.object({
  clusterId: z.string(),
  release: z.string(),
  uptimeMs: z.number(),
  epoch: z.number(),
  settled: z.boolean(),
  clients: z.array(z.string()),
  workers: z.array(
    z.object({
      member: RingMember,
      release: z.string(),
      memoryBytes: z.number(),
      stats: WorkerStats.optional(),
      registeredMs: z.number(),
      silentMs: z.number(),
      leaseLeftMs: z.number(),
      connected: z.boolean(),
    }),
  ),
  datasets: z.array(DatasetAnswer),
});

export type { DatasetReport, StatusReport } from '@tidecache/master';
/** What `dataset add` sends. */
export type NewDataset = NewDatasetBody;

export const getStatus = (api: ApiInit): Promise<StatusReport> =>
  callApi(api, { method: 'GET', path: '/v1/status', answer: StatusAnswer });

export const listDatasets = async (api: ApiInit): Promise<DatasetReport[]> =>
  (await callApi(api, { method: 'GET', path: '/v1/datasets', answer: DatasetsAnswer })).datasets;

/** The master asks the origin whether it is there. */
export const addDataset = (api: ApiInit, dataset: NewDataset): Promise<DatasetReport> =>
  callApi(api, {
    method: 'POST',
    path: '/v1/datasets',
    body: dataset,
    answer: DatasetAnswer,
    deadlineMs: API_ORIGIN_DEADLINE_MS,
  });

export const getDataset = (api: ApiInit, path: string): Promise<DatasetReport> =>
  callApi(api, { method: 'GET', path: pathOf(path), answer: DatasetAnswer });

/** Resolves to what was there. */
export const removeDataset = (api: ApiInit, path: string): Promise<DatasetReport> =>
  callApi(api, { method: 'DELETE', path: pathOf(path), answer: DatasetAnswer });

const pathOf = (path: string) => `/v1/datasets/${encodeURIComponent(path)}`;
