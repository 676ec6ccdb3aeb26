/** What a worker counted since its start. */
export class Counters {
  hits = 0;
  misses = 0;
  servedBytes = 0;
  busy = 0;
  /** Sectors in memory that were found changed. */
  corrupt = 0;
  /** Requests that ended with an error, by its code. */
  readonly failures = new Map<string, number>();

  failed(code: string): void {
    if (code === 'BUSY') this.busy++;
    this.failures.set(code, (this.failures.get(code) ?? 0) + 1);
  }
}
