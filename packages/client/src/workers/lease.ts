/** Bytes that lie in a worker's memory on this host, lent until they are released or the connection ends. */
export class Lease {
  /** The connection has ended: the worker may put other bytes there. Nobody may look at it any more. */
  revoked = false;
  /** Called once, at that. */
  onRevoked: (() => void) | undefined;
  readonly #parts: readonly Uint8Array[];
  readonly #onRelease: () => void;

  constructor(parts: readonly Uint8Array[], onRelease: () => void) {
    this.#parts = parts;
    this.#onRelease = onRelease;
  }

  get bytes(): number {
    return this.#parts.reduce((sum, part) => sum + part.length, 0);
  }

  /** Adds its bytes from `from` to `to` to `out`. */
  slice(from: number, to: number, out: Uint8Array[]): void {
    let start = 0;
    for (const part of this.#parts) {
      const end = start + part.length;
      if (from < end && to > start) {
        const whole = from <= start && to >= end;
        out.push(whole ? part : part.subarray(Math.max(0, from - start), Math.min(end, to) - start));
      }
      start = end;
    }
  }

  /** Call once, when nobody looks at it any more. */
  release(): void {
    this.#onRelease();
  }

  revoke(): void {
    this.revoked = true;
    this.onRevoked?.();
  }
}
