/** Shares one run between all who ask for the same key while it runs. */
export class SingleFlight<T> {
  readonly #running = new Map<string, Promise<T>>();

  /** Runs in flight. Bounded by the gate that the runs themselves pass. */
  get size(): number {
    return this.#running.size;
  }

  do(key: string, run: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key);
    if (running) return running;
    const mine = run().finally(() => this.#running.delete(key));
    this.#running.set(key, mine);
    return mine;
  }
}
