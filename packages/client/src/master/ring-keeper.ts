/**
 * Which ring counts. Epochs only grow. A master that has just started knows few of its workers until each has renewed
 * its lease: following it at once would move every block, twice, and send its readers to the origin. So a ring that
 * lacks workers counts only once they had the time of a lease to come back.
 */
import { LEASE_MS, type Ring } from '@tidecache/protocol';
import type { Clock } from '../clock.js';

export class RingKeeper {
  readonly #clock: Clock;
  readonly #adopt: (ring: Ring) => void;
  #ring: Ring | undefined;
  #pending: Ring | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(clock: Clock, adopt: (ring: Ring) => void) {
    this.#clock = clock;
    this.#adopt = adopt;
  }

  /** The ring in an answer to ATTACH. `sameCluster`: false when epochs start anew. */
  attached(ring: Ring, sameCluster: boolean): void {
    if (!this.#ring || !sameCluster) {
      this.#take(ring);
      return;
    }
    this.#stopTimer?.();
    this.#stopTimer = this.#clock.after(LEASE_MS, () => {
      this.#stopTimer = undefined;
      if (this.#pending) this.#take(this.#pending);
    });
    this.#offer(ring);
  }

  /** A ring that the master pushed. */
  pushed(ring: Ring): void {
    this.#offer(ring);
  }

  close(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  #offer(ring: Ring): void {
    const latest = this.#pending ?? this.#ring;
    if (latest && ring.epoch < latest.epoch) return;
    const waits = this.#stopTimer !== undefined && lacksSome(ring, this.#ring);
    if (waits) this.#pending = ring;
    else this.#take(ring);
  }

  #take(ring: Ring): void {
    this.#pending = undefined;
    this.#ring = ring;
    this.#adopt(ring);
  }
}

function lacksSome(ring: Ring, before: Ring | undefined): boolean {
  const ids = new Set(ring.members.map((member) => member.id));
  return before?.members.some((member) => !ids.has(member.id)) ?? false;
}
