import { MAX_NEGATIVES } from '../limits.js';

/** Names that the origin said are not there, for a while. Bounded: the oldest goes first. */
export class Negatives {
  readonly #until = new Map<string, number>();
  readonly #now: () => number;
  readonly #most: number;

  constructor(now: () => number, most = MAX_NEGATIVES) {
    this.#now = now;
    this.#most = most;
  }

  has(parent: number, name: string): boolean {
    const key = keyOf(parent, name);
    const until = this.#until.get(key);
    if (until === undefined) return false;
    if (this.#now() < until) return true;
    this.#until.delete(key);
    return false;
  }

  add(parent: number, name: string, forMs: number): void {
    if (forMs <= 0) return;
    const key = keyOf(parent, name);
    this.#until.delete(key);
    this.#until.set(key, this.#now() + forMs);
    if (this.#until.size > this.#most) {
      const oldest = this.#until.keys().next();
      if (!oldest.done) this.#until.delete(oldest.value);
    }
  }

  delete(parent: number, name: string): void {
    this.#until.delete(keyOf(parent, name));
  }

  get size(): number {
    return this.#until.size;
  }
}

const keyOf = (parent: number, name: string) => `${parent}/${name}`;
