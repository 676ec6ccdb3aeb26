import { setTimeout as delay } from 'node:timers/promises';

const EVERY_MS = 100;

export interface UntilOptions {
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/**
 * Asks until there is an answer, for what cannot be listened to. Rejects with what the last try threw when there is
 * none in time.
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  { deadlineMs, signal }: UntilOptions,
): Promise<T> {
  const end = performance.now() + deadlineMs;
  let last: unknown;
  do {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (thrown) {
      last = thrown;
    }
    await delay(EVERY_MS, undefined, { signal });
  } while (performance.now() < end);
  const why = last instanceof Error ? `: ${last.message}` : '';
  throw new Error(`no ${what} after ${deadlineMs} ms${why}`, { cause: last });
}
