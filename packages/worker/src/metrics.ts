/** Every metric of a worker, by its name. Read when asked for: nothing is counted twice. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Counters } from './counters.js';
import type { ReadHandler } from './serve/read-handler.js';
import type { BlockStore } from './store.js';

export interface MetricSources {
  readonly store: BlockStore;
  readonly counters: Counters;
  readonly reads: ReadHandler;
  readonly isRegistered: () => boolean;
}

export function createMetrics({ store, counters, reads, isRegistered }: MetricSources): Registry {
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
  gauge('tidecache_worker_memory_bytes', 'Memory budget for blocks', () => store.pool.capacityBytes);
  gauge('tidecache_worker_used_bytes', 'Memory held by blocks', () => store.pool.usedBytes);
  gauge('tidecache_worker_blocks', 'Blocks in memory', () => store.size);
  counter('tidecache_worker_hits_total', 'READs answered from memory', () => counters.hits);
  counter('tidecache_worker_misses_total', 'READs that waited for an origin', () => counters.misses);
  counter('tidecache_worker_served_bytes_total', 'Bytes sent to readers', () => counters.servedBytes);
  counter('tidecache_worker_filled_bytes_total', 'Bytes read from origins', () => reads.filler.filledBytes);
  counter(
    'tidecache_worker_copied_bytes_total',
    'Bytes of hot blocks read from their owners',
    () => reads.filler.copiedBytes,
  );
  counter(
    'tidecache_worker_copy_failures_total',
    'Reads from owners of hot blocks that failed; the origin was asked',
    () => reads.filler.copyFailures,
  );
  counter('tidecache_worker_fill_failures_total', 'Origin reads that failed', () => reads.filler.failures);
  counter('tidecache_worker_evictions_total', 'Blocks evicted', () => store.evictions);
  counter('tidecache_worker_corrupt_total', 'Blocks found changed in memory', () => counters.corrupt);
  gauge('tidecache_worker_fills_running', 'Origin reads that run', () => reads.filler.queue.running);
  gauge('tidecache_worker_fills_waiting', 'Fills that wait for their turn', () => reads.filler.queue.waiting);
  gauge('tidecache_worker_filling_bytes', 'Memory of fills in progress', () => reads.filler.queue.bytes);
  gauge('tidecache_worker_waiting_reads', 'READs that wait for an origin', () => reads.waiting);
  gauge(
    'tidecache_worker_sending_bytes',
    'Bytes handed to sockets, not sent yet',
    () => reads.replies.sendingBytes,
  );
  gauge(
    'tidecache_worker_leased_bytes',
    'Bytes that clients on this host may be looking at',
    () => reads.leases.bytes,
  );
  new Counter({
    name: 'tidecache_worker_failures_total',
    help: 'READs that ended with an error, by code',
    labelNames: ['code'],
    registers,
    collect() {
      this.reset();
      for (const [code, count] of counters.failures) this.inc({ code }, count);
    },
  });
  collectDefaultMetrics({ register: registry });
  return registry;
}
