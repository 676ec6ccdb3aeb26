/** One listing of one directory, from the origin's first page to its last, and those who follow it. */
import type { TidecacheError } from '@tidecache/protocol';
import { compareKeys } from '@tidecache/storage';

export class Listing {
  readonly startedMs: number;
  /** Every name up to this one is merged; '' before the first page. */
  frontier = '';
  state: 'running' | 'done' | 'failed' = 'running';
  error: TidecacheError | undefined;
  #wake: () => void = () => {};
  #progress: Promise<void>;

  constructor(startedMs: number) {
    this.startedMs = startedMs;
    this.#progress = this.#next();
  }

  /** Settles when the frontier moves or the listing ends. */
  progress(): Promise<void> {
    return this.#progress;
  }

  covers(raw: string): boolean {
    return this.state === 'done' || compareKeys(raw, this.frontier) <= 0;
  }

  advance(frontier: string): void {
    this.frontier = frontier;
    this.#tell();
  }

  finish(): void {
    this.state = 'done';
    this.#tell();
  }

  fail(error: TidecacheError): void {
    this.state = 'failed';
    this.error = error;
    this.#tell();
  }

  #tell(): void {
    const wake = this.#wake;
    this.#progress = this.#next();
    wake();
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
