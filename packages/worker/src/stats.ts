/** What a lane counts, as plain numbers: they cross threads, and those of all lanes add up. */
import type { WorkerStats } from '@tidecache/protocol';
import type { Counters } from './counters.js';
import type { ReadHandler } from './serve/read-handler.js';
import type { BlockStore } from './store.js';

export interface LaneStats {
  /** What the master is told. */
  readonly worker: WorkerStats;
  /** What the metrics have beside that. */
  readonly more: {
    readonly capacityBytes: number;
    readonly copyFailures: number;
    readonly fillFailures: number;
    readonly fillsRunning: number;
    readonly fillsWaiting: number;
    readonly fillingBytes: number;
    readonly waitingReads: number;
    readonly sendingBytes: number;
    readonly leasedBytes: number;
  };
  /** READs that ended with an error, by its code. */
  readonly failures: Readonly<Record<string, number>>;
}

export function statsOf(store: BlockStore, counters: Counters, reads: ReadHandler): LaneStats {
  const { filler, replies } = reads;
  return {
    worker: {
      usedBytes: store.pool.usedBytes,
      blocks: store.size,
      hits: counters.hits,
      misses: counters.misses,
      servedBytes: counters.servedBytes,
      filledBytes: filler.filledBytes,
      copiedBytes: filler.copiedBytes,
      evictions: store.evictions,
      busy: counters.busy,
      corrupt: counters.corrupt,
    },
    more: {
      capacityBytes: store.pool.capacityBytes,
      copyFailures: filler.copyFailures,
      fillFailures: filler.failures,
      fillsRunning: filler.queue.running,
      fillsWaiting: filler.queue.waiting,
      fillingBytes: filler.queue.bytes,
      waitingReads: reads.waiting,
      sendingBytes: replies.sendingBytes,
      leasedBytes: reads.leases.bytes,
    },
    failures: Object.fromEntries(counters.failures),
  };
}

/** Of at least one lane. */
export function sumOf(all: readonly LaneStats[]): LaneStats {
  return {
    worker: sums(all.map(({ worker }) => worker)),
    more: sums(all.map(({ more }) => more)),
    failures: sums(all.map(({ failures }) => failures)),
  };
}

function sums<T extends Readonly<Record<string, number>>>(all: readonly T[]): T {
  const total: Record<string, number> = {};
  for (const one of all) {
    for (const [name, value] of Object.entries(one)) total[name] = (total[name] ?? 0) + value;
  }
  return total as T;
}
