/** Pauses between dials: doubling, bounded, each drawn from its upper half so that clients do not dial in step. */
export class Backoff {
  #failures = 0;

  constructor(
    private readonly minMs: number,
    private readonly maxMs: number,
    private readonly random: () => number,
  ) {}

  nextMs(): number {
    const fullMs = Math.min(this.maxMs, this.minMs * 2 ** Math.min(this.#failures, 30));
    this.#failures++;
    return fullMs * (0.5 + 0.5 * this.random());
  }

  reset(): void {
    this.#failures = 0;
  }
}
