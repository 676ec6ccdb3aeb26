/** The datasets' origins, opened when a read must go there since no worker can serve it. */
import { type Dataset, TidecacheError } from '@tidecache/protocol';
import type { Origin, OriginOptions } from '@tidecache/storage';
import type { Clock } from '../clock.js';
import type { Counters } from '../counters.js';
import { MAX_ORIGIN_WAITERS, ORIGIN_READS, SPECULATIVE_ORIGIN_READS } from '../limits.js';
import { Gate } from './gate.js';

export type OpenOrigin = (uri: string, options?: OriginOptions) => Origin;

/** A range of one version of one object. */
export interface OriginRange {
  readonly datasetId: number;
  readonly key: string;
  readonly version: string;
  readonly offset: number;
  readonly length: number;
}

export interface OriginReadOptions {
  readonly into: Uint8Array;
  readonly deadlineAt: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress: (bytes: number) => void;
  /** Nobody waits for it: refused as BUSY unless there is room to spare. */
  readonly speculative: boolean;
}

export class Origins {
  readonly #openOrigin: OpenOrigin;
  readonly #clock: Clock;
  readonly #counters: Counters;
  readonly #gate: Gate;
  readonly #open = new Map<number, { dataset: Dataset; origin: Origin }>();
  #datasets = new Map<number, Dataset>();
  #closed = false;

  constructor(openOrigin: OpenOrigin, clock: Clock, counters: Counters) {
    this.#openOrigin = openOrigin;
    this.#clock = clock;
    this.#counters = counters;
    this.#gate = new Gate({
      clock,
      slots: ORIGIN_READS,
      maxWaiters: MAX_ORIGIN_WAITERS,
      what: 'reads straight from the origin',
    });
  }

  dataset(id: number): Dataset | undefined {
    return this.#datasets.get(id);
  }

  get datasets(): Iterable<Dataset> {
    return this.#datasets.values();
  }

  /** Takes the list of datasets: origins of those that went, or point elsewhere now, are closed. */
  setDatasets(datasets: readonly Dataset[]): void {
    this.#datasets = new Map(datasets.map((dataset) => [dataset.id, dataset]));
    for (const [id, { dataset, origin }] of this.#open) {
      const now = this.#datasets.get(id);
      if (now && samePlace(now, dataset)) continue;
      this.#open.delete(id);
      origin.close().catch(() => {});
    }
  }

  /** Reads the range into `into`, one of few at a time. Rejects as {@link Origin.read}. */
  async read(range: OriginRange, options: OriginReadOptions): Promise<void> {
    if (!options.speculative) await this.#gate.enter(options.deadlineAt);
    else if (!this.#gate.tryEnter(SPECULATIVE_ORIGIN_READS)) {
      throw new TidecacheError('BUSY', 'the origin is left to reads that are waited for');
    }
    let arrived = 0;
    try {
      const deadlineMs = options.deadlineAt - this.#clock.now();
      if (deadlineMs <= 0) throw new TidecacheError('TIMEOUT', `no time was left to read ${range.key}`);
      await this.#originOf(range).read(range.key, {
        version: range.version,
        offset: range.offset,
        length: range.length,
        into: options.into,
        onProgress(bytes) {
          arrived = bytes;
          options.onProgress(bytes);
        },
        deadlineMs,
        ...(options.signal && { signal: options.signal }),
      });
      arrived = range.length;
    } finally {
      this.#counters.originBytes += arrived;
      this.#gate.leave();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#gate.refuseAll(new TidecacheError('CANCELLED', 'the client is closing'));
    const open = [...this.#open.values()];
    this.#open.clear();
    await Promise.allSettled(open.map(({ origin }) => origin.close()));
  }

  #originOf({ datasetId, key }: OriginRange): Origin {
    if (this.#closed) throw new TidecacheError('CANCELLED', `cannot read ${key}: the client is closed`);
    const dataset = this.#datasets.get(datasetId);
    if (!dataset) throw new TidecacheError('STALE', `cannot read ${key}: its dataset was removed`);
    const known = this.#open.get(datasetId);
    if (known) return known.origin;
    const origin = this.#openOrigin(dataset.uri, dataset.options as OriginOptions);
    this.#open.set(datasetId, { dataset, origin });
    return origin;
  }
}

const samePlace = (a: Dataset, b: Dataset): boolean =>
  a.uri === b.uri && JSON.stringify(a.options) === JSON.stringify(b.options);
