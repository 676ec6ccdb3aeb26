/** A process of readers, from outside: see race.ts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface RacerInit {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const START_MS = 60_000;

export class Racer {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #lines: AsyncIterator<string>;

  private constructor(init: RacerInit) {
    this.#name = init.name;
    this.#child = spawn(init.command, init.args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...init.env },
    });
    this.#exited = once(this.#child, 'exit');
    // It may be gone when it is written to; the missing answer tells.
    this.#child.stdin!.on('error', () => {});
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  static async start(init: RacerInit): Promise<Racer> {
    const racer = new Racer(init);
    try {
      await racer.#answer('up', START_MS);
      return racer;
    } catch (thrown) {
      await racer.stop();
      throw thrown;
    }
  }

  async prepare(task: unknown): Promise<void> {
    this.#child.stdin!.write(`${JSON.stringify(task)}\n`);
    await this.#answer('ready', START_MS);
  }

  async go<Result>(deadlineMs: number): Promise<Result> {
    this.#child.stdin!.write('go\n');
    return JSON.parse(await this.#answer('result', deadlineMs)) as Result;
  }

  /** It holds nothing that wants closing. */
  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  async #answer(wanted: string, deadlineMs: number): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const why = `${this.#name}: no ${wanted} within ${deadlineMs} ms`;
      timer = setTimeout(() => reject(new Error(why)), deadlineMs);
    });
    try {
      const { value, done } = await Promise.race([this.#lines.next(), late]);
      if (done) throw new Error(`${this.#name} ended before ${wanted}`);
      const [kind, rest] = splitOnce(value);
      if (kind !== wanted) throw new Error(`${this.#name}: ${value}`);
      return rest;
    } finally {
      clearTimeout(timer);
    }
  }
}

function splitOnce(line: string): [string, string] {
  const space = line.indexOf(' ');
  return space < 0 ? [line, ''] : [line.slice(0, space), line.slice(space + 1)];
}
