import type { ErrorCode, WorkerId } from '@tidecache/protocol';
import type { ClientStats } from './api.js';

/** What the client counts, cumulative since its start. */
export class Counters {
  readonly #workerBytes = new Map<WorkerId, number>();
  readonly #retries = new Map<ErrorCode, number>();
  #spreadBytes = 0;
  originBytes = 0;
  readBytes = 0;
  mappedBytes = 0;
  stale = 0;

  /** `spread`: as a hot file's spread has it. */
  fromWorker(id: WorkerId, bytes: number, spread: boolean): void {
    if (spread) this.#spreadBytes += bytes;
    this.#workerBytes.set(id, (this.#workerBytes.get(id) ?? 0) + bytes);
  }

  /** An attempt failed, and the next one follows. */
  retried(code: ErrorCode): void {
    this.#retries.set(code, (this.#retries.get(code) ?? 0) + 1);
  }

  /** `bufferBytes`: the gauge that is kept elsewhere. */
  snapshot(bufferBytes: number): ClientStats {
    return {
      workerBytes: Object.fromEntries(this.#workerBytes),
      mappedBytes: this.mappedBytes,
      spreadBytes: this.#spreadBytes,
      originBytes: this.originBytes,
      readBytes: this.readBytes,
      retries: Object.fromEntries(this.#retries),
      stale: this.stale,
      bufferBytes,
    };
  }
}
