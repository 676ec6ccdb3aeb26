/** The datasets' origins as the master asks them: opened at first use, bounded calls, each with a deadline. */
import { asTidecacheError, type Dataset, TidecacheError } from '@tidecache/protocol';
import type { Origin, OriginCall, OriginOptions } from '@tidecache/storage';
import { MAX_ORIGIN_CALLS, MAX_WAITING_ORIGIN_CALLS, ORIGIN_CALL_MS } from '../limits.js';
import type { Metrics } from '../metrics.js';
import { Gate } from '../util/gate.js';
import type { Logger } from '../util/logger.js';

export type OpenOrigin = (uri: string, options: OriginOptions) => Origin;

interface Opened {
  readonly origin: Origin;
  readonly abort: AbortController;
}

export class Origins {
  readonly #open: OpenOrigin;
  readonly #metrics: Metrics;
  readonly #logger: Logger;
  readonly #opened = new Map<number, Opened>();
  readonly #gate = new Gate(MAX_ORIGIN_CALLS, MAX_WAITING_ORIGIN_CALLS);

  constructor(open: OpenOrigin, metrics: Metrics, logger: Logger) {
    this.#open = open;
    this.#metrics = metrics;
    this.#logger = logger;
  }

  /** Sees that there is an origin and that it lets us in; keeps nothing. Throws what it says. */
  async check(uri: string, options: OriginOptions): Promise<void> {
    const origin = this.#open(uri, options);
    try {
      await origin.check({ deadlineMs: ORIGIN_CALL_MS });
    } finally {
      await this.#shut(origin);
    }
  }

  /**
   * Asks the dataset's origin. Rejects with its TidecacheError, BUSY when too many calls wait, and STALE when the
   * dataset was removed meanwhile.
   */
  ask<T>(
    dataset: Dataset,
    operation: 'lookup' | 'stat' | 'list',
    run: (origin: Origin, call: OriginCall) => Promise<T>,
  ): Promise<T> {
    return this.#gate.through(async () => {
      const { origin, abort } = this.#of(dataset);
      const end = this.#metrics.originSeconds.startTimer({ operation });
      try {
        return await run(origin, { deadlineMs: ORIGIN_CALL_MS, signal: abort.signal });
      } catch (thrown) {
        if (abort.signal.aborted) {
          throw new TidecacheError('STALE', `the dataset at ${dataset.path} is gone`, { cause: thrown });
        }
        const error = asTidecacheError(thrown, 'ORIGIN_FAILED', `cannot ${operation} ${dataset.uri}`);
        this.#metrics.originErrors.inc({ operation, code: error.code });
        throw error;
      } finally {
        end();
      }
    });
  }

  /** Ends the calls of a dataset that is gone, and closes its origin. */
  async close(datasetId: number): Promise<void> {
    const opened = this.#opened.get(datasetId);
    if (!opened) return;
    this.#opened.delete(datasetId);
    opened.abort.abort();
    await this.#shut(opened.origin);
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#opened.keys()].map((id) => this.close(id)));
  }

  #of(dataset: Dataset): Opened {
    const known = this.#opened.get(dataset.id);
    if (known) return known;
    const opened = { origin: this.#open(dataset.uri, originOptions(dataset)), abort: new AbortController() };
    this.#opened.set(dataset.id, opened);
    return opened;
  }

  async #shut(origin: Origin): Promise<void> {
    try {
      await origin.close();
    } catch (error) {
      this.#logger.warn({ error, uri: origin.uri }, 'could not close an origin');
    }
  }
}

/** A dataset's options without the undefined ones that a decoder may leave. */
export function originOptions({ options }: Pick<Dataset, 'options'>): OriginOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
