/**
 * A long-running child process: its output is kept, its readiness awaited, and it is ended by its own id.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Lines of output kept for error messages. */
const KEPT_LINES = 200;

export interface ServiceInit {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export class Service {
  readonly name: string;
  readonly exited: Promise<number | string>;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #watchers = new Set<(line: string) => void>();
  #status: number | string | undefined;

  constructor(init: ServiceInit) {
    this.name = init.name;
    this.#child = spawn(init.command, init.args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...init.env },
      ...(init.cwd === undefined ? {} : { cwd: init.cwd }),
    });
    this.exited = once(this.#child, 'exit').then(([code, signal]) => {
      this.#status = (signal as string | null) ?? (code as number);
      return this.#status;
    });
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (text: string) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop()!;
        for (const line of lines) this.#take(line);
      });
    }
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get running(): boolean {
    return this.#status === undefined;
  }

  /** What it printed last, for an error message. */
  get output(): string {
    return this.#lines.join('\n');
  }

  /** The first line, past or to come, that `wanted` makes something of. Rejects when the process ends before. */
  async line<T>(what: string, wanted: (line: string) => T | undefined, deadlineMs = 30_000): Promise<T> {
    for (const line of this.#lines) {
      const found = wanted(line);
      if (found !== undefined) return found;
    }
    return new Promise<T>((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer);
        this.#watchers.delete(watch);
        settle();
      };
      const watch = (line: string) => {
        const found = wanted(line);
        if (found !== undefined) end(() => resolve(found));
      };
      const fail = (why: string) => end(() => reject(new Error(`${this.name}: ${why}\n${this.output}`)));
      const timer = setTimeout(() => fail(`no ${what} within ${deadlineMs} ms`), deadlineMs);
      this.#watchers.add(watch);
      this.exited.then((status) => fail(`ended with ${status} before ${what}`));
    });
  }

  /** SIGTERM; SIGKILL when that takes longer than `graceMs`. Settles with the exit status. */
  async stop(graceMs = 15_000): Promise<number | string> {
    if (!this.running) return this.exited;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), graceMs);
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    if (this.running) this.#child.kill('SIGKILL');
    await this.exited;
  }

  #take(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    for (const watch of [...this.#watchers]) watch(line);
  }
}
