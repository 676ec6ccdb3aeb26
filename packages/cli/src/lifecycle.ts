/** The life of a process that serves: start its parts, wait for the end, close them in the opposite order. */
import { asTidecacheError, type TidecacheError } from '@tidecache/protocol';
import { CLOSE_MS, START_GRACE_MS, SUPERVISED_CLOSE_MS } from './limits.js';
import type { Logger } from './logger.js';

export interface Lifecycle {
  /** To be closed at the end; the last one first. */
  defer(what: string, close: () => Promise<void> | void): void;
  /** Aborts when the end has begun. */
  readonly stopping: AbortSignal;
  /** Begins the end: with an error it's the process's failure, without one it's as good as a signal. */
  stop(error?: TidecacheError): void;
}

export type ProcessEvent = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'disconnect' | 'uncaughtException';

/** What a lifecycle needs of its process; injected in tests. */
export interface ProcessEvents {
  on(event: ProcessEvent, listener: (value: unknown) => void): unknown;
  off(event: ProcessEvent, listener: (value: unknown) => void): unknown;
  /** There for good when this process was started with an IPC channel: by a supervisor. */
  readonly send?: unknown;
  /** True while the supervisor is there. */
  readonly connected?: boolean;
}

export interface LifecycleInit {
  readonly logger: Logger;
  readonly events?: ProcessEvents;
  /** Called when closing takes too long, or a second signal asks for haste: must end the process. */
  readonly force?: (status: number) => void;
  readonly closeMs?: number;
  /** What `force` alone leaves behind is cleaned up here, without waiting for anything. */
  readonly onForce?: () => void;
}

/**
 * Runs `start`, then waits for SIGINT, SIGTERM, SIGHUP, `stop`, or the end of a supervising parent; then closes what
 * `start` deferred. Resolves when all is closed. Rejects with what `start` threw or `stop` was given, also closed.
 *
 * Under a supervisor (an IPC channel), SIGINT and SIGHUP are ignored: a terminal sends them to the whole process
 * group, and the supervisor stops its children in its own order.
 */
export async function runUntilStopped(
  init: LifecycleInit,
  start: (life: Lifecycle) => Promise<void>,
): Promise<void> {
  const { logger, force = process.exit, onForce } = init;
  const events = init.events ?? process;
  const supervised = events.send !== undefined;
  let closeMs = init.closeMs ?? (supervised ? SUPERVISED_CLOSE_MS : CLOSE_MS);
  const closers: { what: string; close: () => Promise<void> | void }[] = [];
  const controller = new AbortController();
  let failure: TidecacheError | undefined;

  const stop = (error?: TidecacheError) => {
    if (controller.signal.aborted) return;
    failure = error;
    controller.abort();
  };
  const giveUp = (reason: string) => {
    logger.error({ left: closers.map((closer) => closer.what) }, reason);
    onForce?.();
    force(1);
  };
  const onSignal = () => {
    if (controller.signal.aborted) return giveUp('a second signal: ending without closing');
    logger.info({}, 'a signal: closing');
    stop();
  };
  const onDisconnect = () => {
    if (!controller.signal.aborted) logger.warn({}, 'the supervising process is gone: closing');
    // Nobody waits to kill this process any more.
    closeMs = init.closeMs ?? CLOSE_MS;
    stop();
  };
  const ignore = () => {};
  // A bug ends the process, but not before it has unmounted.
  const onUncaught = (thrown: unknown) => {
    const error = asTidecacheError(thrown, 'INTERNAL', 'a bug, please report it');
    logger.error({ err: thrown }, error.message);
    stop(error);
  };
  const listeners = [
    ['uncaughtException', onUncaught],
    ['SIGTERM', onSignal],
    ['SIGINT', supervised ? ignore : onSignal],
    ['SIGHUP', supervised ? ignore : onSignal],
    ...(supervised ? ([['disconnect', onDisconnect]] as const) : []),
  ] as const;
  for (const [event, listener] of listeners) events.on(event, listener);
  // It may have died while this process was being loaded, when nobody listened.
  if (supervised && !events.connected) onDisconnect();

  let timer: NodeJS.Timeout | undefined;
  try {
    const life: Lifecycle = {
      defer: (what, close) => closers.push({ what, close }),
      stopping: controller.signal,
      stop,
    };
    const stopped = new Promise<void>((resolve) => {
      if (controller.signal.aborted) resolve();
      else controller.signal.addEventListener('abort', () => resolve());
    });
    const started = (controller.signal.aborted ? stopped : start(life)).catch((thrown: unknown) => {
      // A start that is given up because the end has begun is no failure.
      if (!controller.signal.aborted) stop(asTidecacheError(thrown));
    });
    await stopped;
    timer = setTimeout(() => giveUp(`not closed after ${closeMs} ms`), closeMs);
    // A part that is just being made is still closed; one that takes long to make holds nothing yet.
    await Promise.race([started, settled(Math.min(START_GRACE_MS, closeMs / 2))]);
    await closeAll();
  } finally {
    clearTimeout(timer);
    for (const [event, listener] of listeners) events.off(event, listener);
  }
  if (failure) throw failure;

  async function closeAll(): Promise<void> {
    for (let closer = closers.at(-1); closer; closer = closers.at(-1)) {
      try {
        await closer.close();
        logger.debug({ part: closer.what }, 'closed');
      } catch (thrown) {
        const error = asTidecacheError(thrown, 'INTERNAL', `cannot close the ${closer.what}`);
        logger.error({ err: error }, error.message);
        failure ??= error;
      }
      closers.pop();
    }
  }
}

function settled(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
