/** A lane in a thread of its own, as the main thread holds it. */
import { Worker as Thread } from 'node:worker_threads';
import {
  asTidecacheError,
  type DatasetList,
  type Lane as LaneAddress,
  type Ring,
  TidecacheError,
} from '@tidecache/protocol';
import type { Lane, LaneInit } from '../lane.js';
import { LANE_CLOSE_MS, LANE_START_MS } from '../limits.js';
import type { Logger } from '../logger.js';
import type { LaneStats } from '../stats.js';
import type { FromLane, ThreadData, ToLane } from './messages.js';

/** Rejects as `startLane`, with nothing left behind, and with TIMEOUT when the thread does not come up. */
export async function startLaneThread(init: LaneInit, logger: Logger): Promise<Lane> {
  const thread = new LaneThread(init, logger);
  try {
    await thread.ready;
    return thread;
  } catch (error) {
    await thread.close();
    throw error;
  }
}

class LaneThread implements Lane {
  addresses: readonly LaneAddress[] = [];
  generation = -1;
  readonly ready: Promise<void>;
  readonly failed: Promise<never>;
  readonly #name: string;
  readonly #logger: Logger;
  readonly #thread: Thread;
  #stats: LaneStats | undefined;
  #onReady!: () => void;
  #onFailed!: (error: TidecacheError) => void;
  #onClosed: () => void = () => {};
  #running = true;
  #closing = false;

  constructor(init: LaneInit, logger: Logger) {
    this.#name = init.name;
    this.#logger = logger;
    this.failed = new Promise((_, reject) => {
      this.#onFailed = reject;
    });
    // Whoever started the worker is told; it may not be listening.
    this.failed.catch(() => {});
    const up = new Promise<void>((resolve) => {
      this.#onReady = resolve;
    });
    const workerData: ThreadData = { init, debug: logger.isLevelEnabled?.('debug') ?? true };
    this.#thread = new Thread(new URL('./lane-main.js', import.meta.url), { workerData, name: init.name });
    this.#thread.on('message', (message: FromLane) => this.#heard(message));
    this.#thread.on('messageerror', (error) => this.#fail(asTidecacheError(error)));
    this.#thread.on('error', (error) => this.#fail(asTidecacheError(error, 'INTERNAL', this.#name)));
    this.#thread.on('exit', (status) => {
      this.#running = false;
      this.#onClosed();
      this.#fail(
        new TidecacheError('INTERNAL', `${this.#name}: the thread ended by itself (status ${status})`),
      );
    });
    this.ready = this.#within(LANE_START_MS, Promise.race([up, this.failed]));
  }

  stats(): LaneStats {
    if (!this.#stats) throw new TidecacheError('INTERNAL', `${this.#name}: asked before it was ready`);
    return this.#stats;
  }

  update(list: DatasetList, restarted: boolean): void {
    if (!restarted && list.generation < this.generation) return;
    this.generation = list.generation;
    this.#tell({ type: 'datasets', list, restarted });
  }

  setRing(ring: Ring): void {
    this.#tell({ type: 'ring', ring });
  }

  /** Takes LANE_CLOSE_MS at most: then the thread is ended as it is. */
  async close(): Promise<void> {
    this.#closing = true;
    if (!this.#running) return;
    const closed = new Promise<void>((resolve) => {
      this.#onClosed = resolve;
    });
    this.#tell({ type: 'close' });
    await this.#within(LANE_CLOSE_MS, closed).catch((error: TidecacheError) =>
      this.#logger.warn({ reason: error.message }, 'a thread did not close in time'),
    );
    await this.#thread.terminate();
  }

  #tell(message: ToLane): void {
    this.#thread.postMessage(message);
  }

  #heard(message: FromLane): void {
    switch (message.type) {
      case 'ready':
        this.addresses = message.addresses;
        this.#stats = message.stats;
        this.#onReady();
        break;
      case 'refused':
        this.#fail(new TidecacheError(message.code, message.message));
        break;
      case 'stats':
        this.#stats = message.stats;
        break;
      case 'log':
        this.#logger[message.level]({ thread: this.#name, ...message.fields }, message.message);
        break;
      case 'closed':
        this.#stats = message.stats;
        this.#onClosed();
        break;
    }
  }

  #fail(error: TidecacheError): void {
    if (!this.#closing) this.#onFailed(error);
  }

  async #within(ms: number, work: Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new TidecacheError('TIMEOUT', `${this.#name}: no answer within ${ms} ms`);
      timer = setTimeout(() => reject(error), ms);
    });
    await Promise.race([work, late]).finally(() => clearTimeout(timer));
  }
}
