/**
 * Whether a worker is asked, or put aside after a failure: a circuit breaker (Nygard, Release It!, 5.2) with a probe
 * instead of a trial read, so that no reader pays for finding out. Pure: says when, does nothing.
 */
import type { ErrorCode } from '@tidecache/protocol';
import { ASIDE_MS, MAX_ASIDE_MS, TRUSTED_TIMEOUTS } from '../limits.js';

export class Breaker {
  /** Failures since the last answered read. */
  #failures = 0;
  #aside = false;

  /** Not to be asked for now, unless nobody else is left. */
  get aside(): boolean {
    return this.#aside;
  }

  /**
   * An attempt failed. Returns how many milliseconds from now to send the probe; undefined when one is due already.
   * `random` from 0 to 1.
   */
  failed(code: ErrorCode, random: number): number | undefined {
    this.#failures++;
    if (this.#aside) return undefined;
    this.#aside = true;
    // Silence may be one slow block of a worker that is well: its answer to a probe tells at once.
    return code === 'TIMEOUT' && this.#failures < TRUSTED_TIMEOUTS ? 0 : this.#backOffMs(random);
  }

  /** The probe was answered: back in, on trust. */
  probed(): void {
    this.#aside = false;
  }

  /** The probe failed as well. Returns when to send the next one, in milliseconds from now. */
  probeFailed(random: number): number {
    this.#failures++;
    return this.#backOffMs(random);
  }

  /** A read was answered, be it with BUSY: all is forgiven. */
  succeeded(): void {
    this.#failures = 0;
    this.#aside = false;
  }

  #backOffMs(random: number): number {
    const longest = Math.min(ASIDE_MS * 2 ** Math.min(this.#failures - 1, 16), MAX_ASIDE_MS);
    return longest * (0.5 + random / 2);
  }
}
