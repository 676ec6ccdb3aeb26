/**
 * Replies of one connection come one after another, so a request also waits for those sent before it. Bytes for these
 * are a sign that the line moves; bytes for later ones are not: then the server has passed this request over.
 */
export class Line {
  // Both rise: what came for an earlier request later says more, and replaces what is behind it.
  #ids: number[] = [];
  #times: number[] = [];

  /** Bytes came for `id`. `oldestId` is the oldest request that still waits. */
  moved(id: number, at: number, oldestId: number): void {
    const ids = this.#ids;
    const times = this.#times;
    while (ids.length > 0 && ids[ids.length - 1]! >= id) {
      ids.pop();
      times.pop();
    }
    ids.push(id);
    times.push(at);
    // Of those before the oldest, the last one says all.
    let useless = 0;
    while (useless + 1 < ids.length && ids[useless + 1]! < oldestId) useless++;
    if (useless === 0) return;
    ids.splice(0, useless);
    times.splice(0, useless);
  }

  /** When bytes last came for a request before `id`; undefined when none did. */
  movedBefore(id: number): number | undefined {
    for (let i = this.#ids.length - 1; i >= 0; i--) {
      if (this.#ids[i]! < id) return this.#times[i];
    }
    return undefined;
  }
}
