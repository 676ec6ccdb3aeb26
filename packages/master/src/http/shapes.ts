/** What the HTTP API takes and gives, under `/v1`. */
import { Dataset, DEFAULT_BLOCK_BYTES, MetadataPolicy, RingMember, WorkerStats } from '@tidecache/protocol';
import { z } from 'zod';

/** The body of `POST /v1/datasets`: a path and a URI at least. */
export const NewDatasetBody = z.strictObject({
  path: Dataset.shape.path,
  uri: Dataset.shape.uri,
  readOnly: z.boolean().default(true),
  metadata: MetadataPolicy.default({ ttlMs: 60_000 }),
  blockBytes: Dataset.shape.blockBytes.default(DEFAULT_BLOCK_BYTES),
  options: Dataset.shape.options.default({}),
});
/** What a caller writes; what is left out has a default. */
export type NewDatasetBody = z.input<typeof NewDatasetBody>;

/** `GET /v1/datasets`, one of them, and the answer to a POST or DELETE. */
export const DatasetReport = z.object({
  ...Dataset.shape,
  /** Files and directories known of it so far. */
  inodes: z.number(),
});
export type DatasetReport = z.infer<typeof DatasetReport>;
export const DatasetsReport = z.object({ generation: z.number(), datasets: z.array(DatasetReport) });
export type DatasetsReport = z.infer<typeof DatasetsReport>;

export const WorkerReport = z.object({
  member: RingMember,
  release: z.string(),
  memoryBytes: z.number(),
  stats: WorkerStats.optional(),
  registeredMs: z.number(),
  /** Since its last sign of life. */
  silentMs: z.number(),
  leaseLeftMs: z.number(),
  connected: z.boolean(),
});
export type WorkerReport = z.infer<typeof WorkerReport>;
export const WorkersReport = z.object({ epoch: z.number(), workers: z.array(WorkerReport) });
export type WorkersReport = z.infer<typeof WorkersReport>;

export const StatusReport = z.object({
  clusterId: z.string(),
  release: z.string(),
  uptimeMs: z.number(),
  epoch: z.number(),
  /** False for up to one lease after a restart: the ring is the one of before. */
  settled: z.boolean(),
  /** Names of the clients attached. */
  clients: z.array(z.string()),
  workers: z.array(WorkerReport),
  datasets: z.array(DatasetReport),
});
export type StatusReport = z.infer<typeof StatusReport>;

/** Every answer that is no success. */
export const ErrorReport = z.object({ code: z.string(), message: z.string() });
export type ErrorReport = z.infer<typeof ErrorReport>;
