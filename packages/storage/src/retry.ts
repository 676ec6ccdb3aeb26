/**
 * Bounded retries with full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type ErrorCode, ORIGIN_ATTEMPT_MS, TidecacheError } from '@tidecache/protocol';
import type { OriginCall } from './api.js';
import { MAX_ATTEMPTS, RETRY_BASE_MS, RETRY_CAP_MS } from './limits.js';
import { cancelled, timedOut } from './time-limit.js';

export interface RetryTools {
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Rejects when the signal fires. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

export const realTools: RetryTools = {
  now: () => performance.now(),
  random: Math.random,
  sleep: async (ms, signal) => {
    await pause(ms, undefined, signal ? { signal } : {});
  },
};

/** The same request to the same origin may succeed in a moment. Not CANCELLED: nobody waits for it any more. */
const RETRYABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'BUSY',
  'TIMEOUT',
  'UNREACHABLE',
  'CORRUPT',
  'ORIGIN_FAILED',
]);

export interface Attempt {
  /** For this try, so that a silent server leaves time for another. */
  readonly limitMs: number;
  /** Until the call's deadline. */
  readonly remainingMs: number;
}

/**
 * Calls `attempt` until it succeeds, fails for good, has had {@link MAX_ATTEMPTS} tries, or the call's deadline leaves
 * no time. It rejects with the last failure as it was. `attempt` throws TidecacheErrors.
 */
export async function withRetries<T>(
  doing: string,
  call: OriginCall,
  tools: RetryTools,
  attempt: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const endsAtMs = tools.now() + call.deadlineMs;
  for (let tries = 1; ; tries++) {
    if (call.signal?.aborted) throw cancelled(doing, call.signal);
    const remainingMs = endsAtMs - tools.now();
    if (remainingMs <= 0) throw timedOut(doing, call.deadlineMs);
    try {
      return await attempt({ limitMs: Math.min(ORIGIN_ATTEMPT_MS, remainingMs), remainingMs });
    } catch (thrown) {
      if (!(thrown instanceof TidecacheError) || !RETRYABLE.has(thrown.code) || tries >= MAX_ATTEMPTS)
        throw thrown;
      const pauseMs = tools.random() * Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** tries);
      if (tools.now() + pauseMs >= endsAtMs) throw thrown;
      await tools.sleep(pauseMs, call.signal).catch(() => {
        throw cancelled(doing, call.signal);
      });
    }
  }
}
