/** Programs that run to their end. Long-running ones are a {@link Service}. */
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

/** Of each output stream, what an error message shows at most. */
const SHOWN_CHARACTERS = 6_000;

export interface CommandOptions {
  /** After this long the program and its children are killed and the call rejects. Default a minute. */
  readonly deadlineMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Piped into its standard input. */
  readonly input?: Readable;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

/**
 * Resolves to the standard output; rejects with both streams' ends when the status is not 0.
 *
 * The program leads a process group of its own: Ctrl-C reaches it only through `signal`, so that clean-up, which
 * runs programs too, is not interrupted with it.
 */
export function run(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { deadlineMs = 60_000, env, cwd, input, signal } = options;
  const shown = `${command} ${args.join(' ')}`;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const child = spawn(command, args, {
      detached: true,
      stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    });
    let ending: Error | undefined;
    const end = (reason: Error) => {
      ending ??= reason;
      killGroup(child.pid);
    };
    const timer = setTimeout(() => end(new Error(`not done after ${deadlineMs} ms: ${shown}`)), deadlineMs);
    const onAbort = () => end(signal?.reason as Error);
    signal?.addEventListener('abort', onAbort, { once: true });

    const output: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
      });
    }
    if (input && child.stdin) {
      input.on('error', end);
      // A program that ends early closes the pipe; its status tells why.
      input.pipe(child.stdin).on('error', () => {});
    }
    child.on('error', (cause) => {
      settle(() => reject(new Error(`cannot run ${shown}: ${cause.message}`, { cause })));
    });
    child.on('close', (code, killedBy) => {
      settle(() => {
        if (ending) return reject(ending);
        if (code === 0) return resolve(output.stdout);
        const told = `${tail(output.stdout)}${tail(output.stderr)}`.trim();
        reject(new Error(`${shown}: ended with ${killedBy ?? code}\n${told}`));
      });
    });
    function settle(done: () => void): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      done();
    }
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}

function tail(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `…${text.slice(-SHOWN_CHARACTERS)}`;
}
