/** Remembers the keys of entries that were evicted lately, in order, within a bound of their bytes and of their number. */
export class Ghost {
  readonly #maxBytes: number;
  readonly #maxKeys: number;
  readonly #bytesOf = new Map<string, number>();
  /**
   * Walks the map from its oldest key on, and is kept: an iterator made anew for each eviction would step over the
   * holes that earlier ones left, which makes a long queue quadratic.
   */
  #oldest = this.#bytesOf.keys();
  #bytes = 0;

  constructor(maxBytes: number, maxKeys: number) {
    this.#maxBytes = maxBytes;
    this.#maxKeys = maxKeys;
  }

  get size(): number {
    return this.#bytesOf.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(key: string, bytes: number): void {
    this.take(key);
    this.#bytesOf.set(key, bytes);
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes || this.#bytesOf.size > this.#maxKeys) this.#forgetOldest();
  }

  /** Whether `key` was remembered; it is not any more. */
  take(key: string): boolean {
    const bytes = this.#bytesOf.get(key);
    if (bytes === undefined) return false;
    this.#bytesOf.delete(key);
    this.#bytes -= bytes;
    return true;
  }

  #forgetOldest(): void {
    let next = this.#oldest.next();
    if (next.done) {
      // An iterator that reached the end stays there.
      this.#oldest = this.#bytesOf.keys();
      next = this.#oldest.next();
    }
    if (next.done) return;
    this.take(next.value);
  }
}
