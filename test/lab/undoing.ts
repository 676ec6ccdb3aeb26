import { setTimeout as delay } from 'node:timers/promises';
import { Scratch } from './scratch.js';

/** What was under way when a signal came gets this long to end, so that all it made is known to clean-up. */
const SETTLE_MS = 5_000;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `body` and undoes what it made: when it is done, when it fails, and when a signal ends it, which aborts
 * `signal`. Rejects with the first of what went wrong.
 */
export async function undoing<T>(
  name: string,
  body: (scratch: Scratch, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const scratch = new Scratch(name);
  const controller = new AbortController();
  const interrupted = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason));
  });
  const listeners = SIGNALS.map((event) => {
    const listener = () => controller.abort(new Error(`ended by ${event}`));
    process.on(event, listener);
    return () => process.off(event, listener);
  });
  const running = body(scratch, controller.signal);
  const [result] = await Promise.allSettled([Promise.race([running, interrupted])]);
  if (controller.signal.aborted) await Promise.race([running.catch(() => {}), delay(SETTLE_MS)]);
  const [cleaned] = await Promise.allSettled([scratch.clean()]);
  for (const remove of listeners) remove();
  for (const outcome of [result, cleaned]) if (outcome.status === 'rejected') throw outcome.reason;
  return running;
}
