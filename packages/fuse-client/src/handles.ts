import { TidecacheError } from '@tidecache/protocol';
import { MAX_OPEN_HANDLES } from './limits.js';

/** Small numbers for open things. Numbers are not used again soon, so a late use of a closed one is noticed. */
export class HandleTable<T> {
  readonly #what: string;
  readonly #open = new Map<number, T>();
  #last = 0;

  /** `what` names the things in errors. */
  constructor(what: string) {
    this.#what = what;
  }

  /** Throws BUSY when too many are open. */
  add(value: T): number {
    if (this.#open.size >= MAX_OPEN_HANDLES) {
      throw new TidecacheError('BUSY', `${MAX_OPEN_HANDLES} ${this.#what} are open on the mount: close some`);
    }
    do {
      this.#last = this.#last >= 0x7fff_ffff ? 1 : this.#last + 1;
    } while (this.#open.has(this.#last));
    this.#open.set(this.#last, value);
    return this.#last;
  }

  /** Throws INVALID for a handle that is not open. */
  get(handle: number): T {
    const value = this.#open.get(handle);
    if (value === undefined) throw new TidecacheError('INVALID', `no such open ${this.#what}: ${handle}`);
    return value;
  }

  remove(handle: number): T | undefined {
    const value = this.#open.get(handle);
    this.#open.delete(handle);
    return value;
  }

  get size(): number {
    return this.#open.size;
  }
}
