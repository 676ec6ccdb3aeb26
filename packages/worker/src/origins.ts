/**
 * The origins of the datasets that the master told of, each opened at its first use. An origin whose dataset went,
 * or moved elsewhere, is closed when its last read has ended.
 */
import { type Dataset, type DatasetList, TidecacheError } from '@tidecache/protocol';
import type { Origin, OriginOptions } from '@tidecache/storage';
import type { Logger } from './logger.js';

export type OpenOrigin = (uri: string, options?: OriginOptions) => Origin;

interface Slot {
  readonly dataset: Dataset;
  origin: Origin | undefined;
  users: number;
  retired: boolean;
}

export class Origins {
  #generation = -1;
  readonly #open: OpenOrigin;
  readonly #logger: Logger;
  readonly #slots = new Map<number, Slot>();

  constructor(open: OpenOrigin, logger: Logger) {
    this.#open = open;
    this.#logger = logger;
  }

  /** The generation of the datasets known; -1 before the first. */
  get generation(): number {
    return this.#generation;
  }

  /** Takes over the master's list. `restarted`: the master may count its generations anew. */
  update(list: DatasetList, restarted = false): void {
    if (!restarted && list.generation < this.#generation) return;
    this.#generation = list.generation;
    const listed = new Map(list.datasets.map((dataset) => [dataset.id, dataset]));
    for (const [id, slot] of this.#slots) {
      const dataset = listed.get(id);
      if (dataset && sameOrigin(dataset, slot.dataset)) listed.delete(id);
      else this.#retire(id, slot);
    }
    for (const [id, dataset] of listed) {
      this.#slots.set(id, { dataset, origin: undefined, users: 0, retired: false });
    }
  }

  /**
   * Throws UNREACHABLE for a dataset that the master has not told of: retryable, since its news may reach a client
   * first, and another worker or the client itself can serve it meanwhile.
   */
  assertKnown(datasetId: number): void {
    this.#slot(datasetId);
  }

  /** Runs `work` with a dataset's origin, which stays open until it's done. */
  async use<T>(datasetId: number, work: (origin: Origin) => Promise<T>): Promise<T> {
    const slot = this.#slot(datasetId);
    slot.origin ??= this.#open(slot.dataset.uri, withoutAbsent(slot.dataset.options));
    slot.users++;
    try {
      return await work(slot.origin);
    } finally {
      slot.users--;
      if (slot.retired && slot.users === 0) void this.#close(slot);
    }
  }

  /** Closes all. Reads must have ended. */
  async close(): Promise<void> {
    const slots = [...this.#slots.values()];
    this.#slots.clear();
    await Promise.all(slots.map((slot) => this.#close(slot)));
  }

  #slot(datasetId: number): Slot {
    const slot = this.#slots.get(datasetId);
    if (slot) return slot;
    throw new TidecacheError(
      'UNREACHABLE',
      `this worker can't reach dataset ${datasetId}: the master has not told of it (removed, or too new)`,
    );
  }

  #retire(id: number, slot: Slot): void {
    this.#slots.delete(id);
    slot.retired = true;
    if (slot.users === 0) void this.#close(slot);
  }

  async #close(slot: Slot): Promise<void> {
    try {
      await slot.origin?.close();
    } catch (error) {
      this.#logger.warn({ err: error, uri: slot.dataset.uri }, 'an origin did not close cleanly');
    }
  }
}

const sameOrigin = (a: Dataset, b: Dataset) =>
  a.uri === b.uri && JSON.stringify(a.options) === JSON.stringify(b.options);

/** An option that is undefined is not given. */
function withoutAbsent(options: Dataset['options']): OriginOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
