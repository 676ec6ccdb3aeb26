/** Every metric of a worker, by its name. Read when asked for: nothing is counted twice. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { LaneStats } from './stats.js';

export interface MetricSources {
  readonly stats: () => LaneStats;
  readonly isRegistered: () => boolean;
}

export function createMetrics({ stats, isRegistered }: MetricSources): Registry {
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, value: () => number) => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  };
  const counter = (name: string, help: string, value: () => number) => {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  };

  gauge('tidecache_worker_registered', '1 while the master knows this worker', () => Number(isRegistered()));
  gauge('tidecache_worker_memory_bytes', 'Memory budget for blocks', () => stats().more.capacityBytes);
  gauge('tidecache_worker_used_bytes', 'Memory held by blocks', () => stats().worker.usedBytes);
  gauge('tidecache_worker_blocks', 'Blocks in memory', () => stats().worker.blocks);
  counter('tidecache_worker_hits_total', 'READs answered from memory', () => stats().worker.hits);
  counter('tidecache_worker_misses_total', 'READs that waited for an origin', () => stats().worker.misses);
  counter('tidecache_worker_served_bytes_total', 'Bytes sent to readers', () => stats().worker.servedBytes);
  counter('tidecache_worker_filled_bytes_total', 'Bytes read from origins', () => stats().worker.filledBytes);
  counter(
    'tidecache_worker_copied_bytes_total',
    'Bytes of hot blocks read from their owners',
    () => stats().worker.copiedBytes,
  );
  counter(
    'tidecache_worker_copy_failures_total',
    'Reads from owners of hot blocks that failed; the origin was asked',
    () => stats().more.copyFailures,
  );
  counter(
    'tidecache_worker_fill_failures_total',
    'Origin reads that failed',
    () => stats().more.fillFailures,
  );
  counter('tidecache_worker_evictions_total', 'Blocks evicted', () => stats().worker.evictions);
  counter('tidecache_worker_corrupt_total', 'Blocks found changed in memory', () => stats().worker.corrupt);
  gauge('tidecache_worker_fills_running', 'Origin reads that run', () => stats().more.fillsRunning);
  gauge('tidecache_worker_fills_waiting', 'Fills that wait for their turn', () => stats().more.fillsWaiting);
  gauge('tidecache_worker_filling_bytes', 'Memory of fills in progress', () => stats().more.fillingBytes);
  gauge('tidecache_worker_waiting_reads', 'READs that wait for an origin', () => stats().more.waitingReads);
  gauge(
    'tidecache_worker_sending_bytes',
    'Bytes handed to sockets, not sent yet',
    () => stats().more.sendingBytes,
  );
  gauge(
    'tidecache_worker_leased_bytes',
    'Bytes that clients on this host may be looking at',
    () => stats().more.leasedBytes,
  );
  new Counter({
    name: 'tidecache_worker_failures_total',
    help: 'READs that ended with an error, by code',
    labelNames: ['code'],
    registers,
    collect() {
      this.reset();
      for (const [code, count] of Object.entries(stats().failures)) this.inc({ code }, count);
    },
  });
  collectDefaultMetrics({ register: registry });
  return registry;
}
