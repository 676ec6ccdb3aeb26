/** A child process that is kept running: started again, with back-off, when it dies. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { TidecacheError } from '@tidecache/protocol';
import type { Env } from './config/env.js';
import { NotInTimeError } from './errors.js';
import {
  CHILD_READY_MS,
  CHILD_STOP_MS,
  RESTART_FORGET_MS,
  RESTART_MAX_MS,
  RESTART_MIN_MS,
} from './limits.js';
import type { Logger } from './logger.js';
import { Report } from './report.js';

export interface SupervisorInit {
  /** For logs and errors: `worker-1`. */
  readonly name: string;
  /** The command line after `tidecache`; asked for at each start, since ports may be known by then. */
  readonly args: () => readonly string[];
  readonly env: Env;
  readonly logger: Logger;
  /** After an exit with status 0 that nobody asked for: the mount was unmounted from outside. Not restarted then. */
  readonly onEnded?: () => void;
  /** After each death, before a restart: what the dead process could not clean up itself. */
  readonly afterDeath?: () => void;
  /** Injected in tests. */
  readonly spawn?: (args: readonly string[], env: Env) => ChildProcess;
  readonly now?: () => number;
  readonly schedule?: (run: () => void, ms: number) => () => void;
}

export interface Supervisor {
  readonly name: string;
  /** The running child's; undefined between a death and a restart. */
  readonly pid: number | undefined;
  /** Times that it was started again. */
  readonly restarts: number;
  /** Resolves to what the child said when it was ready; rejects with why it did not get there, the child ended. */
  start(): Promise<Record<string, unknown>>;
  /** Asks the child to end, and kills it when it doesn't. Resolves when it's gone. */
  stop(): Promise<void>;
  /** Kills at once, without waiting. */
  kill(): void;
}

const ENTRY = fileURLToPath(new URL('../../bin/tidecache.cjs', import.meta.url));

function spawnTidecache(args: readonly string[], env: Env): ChildProcess {
  // Answers go by IPC, logs to this process's stderr; nothing reads the child's stdout.
  return fork(ENTRY, args, {
    env: env as NodeJS.ProcessEnv,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [],
  });
}

export function supervise(init: SupervisorInit): Supervisor {
  const { name, logger, spawn = spawnTidecache, now = Date.now, schedule = timeout } = init;
  let child: ChildProcess | undefined;
  let gone: Promise<void> = Promise.resolve();
  let stopping = false;
  let restarts = 0;
  let backOffMs = RESTART_MIN_MS;
  let cancelRestart = () => {};

  /** Starts the child. One of `onReady` and `onFailed` is called, once; after `onFailed` the child is gone. */
  function launch(
    onReady: (ready: Record<string, unknown>) => void,
    onFailed: (error: TidecacheError) => void,
  ) {
    const startedAt = now();
    const process = spawn(init.args(), init.env);
    child = process;
    let isReady = false;
    let isLate = false;
    let reason = '';
    const cancelDeadline = schedule(() => {
      isLate = true;
      process.kill('SIGKILL');
    }, CHILD_READY_MS);
    process.on('message', (message) => {
      const parsed = Report.safeParse(message);
      if (!parsed.success) return;
      if (parsed.data.type === 'failed') {
        reason = parsed.data.message;
        return;
      }
      isReady = true;
      cancelDeadline();
      onReady(parsed.data.ready);
    });
    gone = new Promise((resolve) => {
      let isOver = false;
      const over = (how: string, status: number | null) => {
        if (isOver) return;
        isOver = true;
        cancelDeadline();
        if (child === process) child = undefined;
        if (!stopping) init.afterDeath?.();
        resolve();
        if (isLate) onFailed(new NotInTimeError(`the ${name} was not ready after ${CHILD_READY_MS} ms`));
        else if (!isReady)
          onFailed(new TidecacheError('UNREACHABLE', `the ${name} did not start: ${reason || how}`));
        else if (!stopping && status === 0 && init.onEnded) init.onEnded();
        else if (!stopping) restart(reason || how, now() - startedAt);
      };
      process.once('exit', (status, signal) =>
        over(signal ? `ended by ${signal}` : `exit status ${status}`, status),
      );
      // Without a pid it was never started, and `exit` won't come.
      process.on('error', (error) => process.pid === undefined && over(error.message, null));
    });
  }

  function restart(why: string, ranMs: number) {
    if (ranMs >= RESTART_FORGET_MS) backOffMs = RESTART_MIN_MS;
    const waitMs = backOffMs;
    backOffMs = Math.min(backOffMs * 2, RESTART_MAX_MS);
    logger.error({ part: name, why, waitMs }, `the ${name} died (${why}); starting it again in ${waitMs} ms`);
    cancelRestart = schedule(() => {
      if (stopping) return;
      restarts += 1;
      launch(
        () => logger.info({ part: name, pid: child?.pid, restarts }, `the ${name} is back`),
        (error) => {
          if (!stopping) restart(error.message, 0);
        },
      );
    }, waitMs);
  }

  return {
    name,
    get pid() {
      return child?.pid;
    },
    get restarts() {
      return restarts;
    },
    start: () => new Promise((resolve, reject) => launch(resolve, reject)),
    async stop() {
      stopping = true;
      cancelRestart();
      child?.kill('SIGTERM');
      const cancelKill = schedule(() => {
        if (!child) return;
        logger.error({ part: name }, `the ${name} did not end in ${CHILD_STOP_MS} ms: killing it`);
        child.kill('SIGKILL');
      }, CHILD_STOP_MS);
      await gone;
      cancelKill();
    },
    kill() {
      stopping = true;
      cancelRestart();
      child?.kill('SIGKILL');
    },
  };
}

function timeout(run: () => void, ms: number): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}
