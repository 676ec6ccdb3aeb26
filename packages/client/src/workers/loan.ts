import type { MappedRange } from '@tidecache/protocol';

/** Memory of a worker, as one connection to it has it. */
export interface Lending {
  /** Undefined when the connection has ended. */
  view(range: MappedRange): Uint8Array | undefined;
  release(lease: number, bytes: number): void;
}

/**
 * A range of a worker's memory on this host, lent before anybody asked for its bytes. There are thousands, and some
 * are never looked at: so it is no more than a place, and who looks finds out by itself whether it still holds.
 */
export class Loan {
  readonly #lending: Lending;
  readonly #lease: number;
  readonly #range: MappedRange;

  constructor(lending: Lending, lease: number, range: MappedRange) {
    this.#lending = lending;
    this.#lease = lease;
    this.#range = range;
  }

  /** Where they lie; undefined when the connection has ended. To be looked at in this turn of the event loop. */
  get bytes(): Uint8Array | undefined {
    return this.#lending.view(this.#range);
  }

  /** Call once, when nobody looks at it any more. */
  release(): void {
    this.#lending.release(this.#lease, this.#range.length);
  }
}
