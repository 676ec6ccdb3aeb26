/** Every metric of the master, by name. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

const SECONDS = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

export type Metrics = ReturnType<typeof createMetrics>;

/** What is read when somebody asks, not counted as it happens. */
export interface Observed {
  clients(): number;
  workers(): number;
  epoch(): number;
  datasets(): number;
  listings(): number;
}

export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter<L>({ name, help, labelNames, registers });
  return {
    registry,
    requests: counter('tidecache_master_requests_total', 'RPC requests answered, by operation and result.', [
      'operation',
      'code',
    ]),
    metadata: counter(
      'tidecache_master_metadata_answers_total',
      'Names answered: from the cache, from the origin, known to be absent, or too old since the origin is away.',
      ['from'],
    ),
    originSeconds: new Histogram({
      name: 'tidecache_master_origin_seconds',
      help: 'Time of calls to origins.',
      labelNames: ['operation'] as const,
      buckets: SECONDS,
      registers,
    }),
    originErrors: counter('tidecache_master_origin_errors_total', 'Failed calls to origins.', [
      'operation',
      'code',
    ]),
    listed: counter('tidecache_master_listed_entries_total', 'Names that origins listed.'),
    skipped: counter(
      'tidecache_master_skipped_keys_total',
      'Keys of origins that have no place in the tree, at each listing.',
      ['reason'],
    ),
    changes: counter(
      'tidecache_master_invalidations_total',
      'Names and inodes that clients were told to forget.',
      ['kind'],
    ),
    epochs: counter('tidecache_master_ring_changes_total', 'Changes of the ring.'),
    leasesLost: counter('tidecache_master_leases_lost_total', 'Workers that fell silent.'),
  };
}

/** Registers the gauges that are read on demand, and the process's own. */
export function observe({ registry }: Metrics, observed: Observed): void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  gauge('tidecache_master_clients', 'Clients attached.', observed.clients);
  gauge('tidecache_master_workers', 'Workers with a lease.', observed.workers);
  gauge('tidecache_master_ring_epoch', "The ring's epoch.", observed.epoch);
  gauge('tidecache_master_datasets', 'Datasets.', observed.datasets);
  gauge('tidecache_master_listings', 'Listings under way.', observed.listings);
  collectDefaultMetrics({ register: registry });
}
