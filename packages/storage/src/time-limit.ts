import { TidecacheError } from '@tidecache/protocol';

/**
 * Runs `run` for at most `limitMs`: TIMEOUT after that, CANCELLED when `signal` fires. The signal it is given fires in
 * both cases; what can't be stopped (a file system call, ali-oss) is left behind and its outcome dropped.
 */
export function withinLimit<T>(
  doing: string,
  limitMs: number,
  signal: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal?.aborted) return Promise.reject(cancelled(doing, signal));
  const controller = new AbortController();
  return new Promise<T>((resolve, reject) => {
    const stop = (error: TidecacheError) => {
      settle();
      reject(error);
      controller.abort(error);
    };
    const onAbort = () => stop(cancelled(doing, signal));
    const timer = setTimeout(() => stop(timedOut(doing, limitMs)), Math.max(0, limitMs));
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    run(controller.signal).then(
      (value) => {
        settle();
        resolve(value);
      },
      (error: unknown) => {
        settle();
        reject(error);
      },
    );
  });
}

export const timedOut = (doing: string, limitMs: number): TidecacheError =>
  new TidecacheError('TIMEOUT', `${doing}: no answer within ${Math.round(limitMs)} ms`);

export const cancelled = (doing: string, signal: AbortSignal | undefined): TidecacheError =>
  new TidecacheError('CANCELLED', `${doing}: cancelled`, { cause: signal?.reason });
