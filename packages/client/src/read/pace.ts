/**
 * How much may be on its way at once without queueing for ever behind itself on a thin link: the delivery rate as BBR
 * samples it (Cardwell et al., 2016: bytes delivered between a request and its answer, over the time between) times a
 * bound on the queueing delay. Pure but for the time that it is given.
 */
import {
  IN_FLIGHT_MS,
  LARGE_READ_BYTES,
  MIN_IN_FLIGHT_BYTES,
  RATE_DECAY,
  SLOWEST_BYTES_PER_MS,
} from '../limits.js';

/** What a fetch remembers of its start. */
export interface Departure {
  readonly at: number;
  readonly deliveredBytes: number;
}

export class Pace {
  #inFlightBytes = 0;
  #deliveredBytes = 0;
  #bytesPerMs = 0;

  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  /** The best delivery rate of late. */
  get bytesPerMs(): number {
    return this.#bytesPerMs;
  }

  depart(bytes: number, now: number): Departure {
    this.#inFlightBytes += bytes;
    return { at: now, deliveredBytes: this.#deliveredBytes };
  }

  /** The fetch of `bytes` has ended, and `arrivedBytes` of it came. */
  arrive(departure: Departure, bytes: number, arrivedBytes: number, now: number): void {
    this.#inFlightBytes -= bytes;
    this.#deliveredBytes += arrivedBytes;
    if (arrivedBytes < LARGE_READ_BYTES) return;
    const tookMs = Math.max(now - departure.at, 0.01);
    const sample = (this.#deliveredBytes - departure.deliveredBytes) / tookMs;
    this.#bytesPerMs = Math.max(sample, this.#bytesPerMs * RATE_DECAY);
  }

  /** Whether `bytes` more of read-ahead would still arrive soon; always where no more than `leastBytes` are on their way. */
  roomFor(bytes: number, leastBytes = MIN_IN_FLIGHT_BYTES): boolean {
    return this.#inFlightBytes + bytes <= Math.max(leastBytes, this.#bytesPerMs * IN_FLIGHT_MS);
  }

  /** How long an answer may have to wait for those asked for before it, which is no silence of the worker's. */
  queueMs(): number {
    return this.#inFlightBytes / Math.max(this.#bytesPerMs, SLOWEST_BYTES_PER_MS);
  }
}
