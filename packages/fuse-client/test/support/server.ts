/** The test's side of serve.ts: starts one, asks it, and leaves no process, mount or directory behind. */
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import type { Transport } from '../../src/index.js';
import { loadFuseNative } from '../../src/native/binding.js';
import type { ServeInit, ServeRequest, ServerState } from './serve.js';

const SCRIPT = fileURLToPath(new URL('./serve.js', import.meta.url));
const CAP_SYS_ADMIN = 21n;

/** Why nothing can be mounted here; undefined when it can. */
export async function whyNotMountable(transport: Transport): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'not Linux';
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
  } catch {
    return '/dev/fuse is missing, or not open to this user';
  }
  const capabilities =
    /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0';
  if (((BigInt(`0x${capabilities}`) >> CAP_SYS_ADMIN) & 1n) === 0n)
    return 'no CAP_SYS_ADMIN, which mounting needs';
  if (transport === 'fuse-native') {
    return loadFuseNative().then(
      () => undefined,
      (error: Error) => error.message,
    );
  }
  return undefined;
}

/** Whether a program is there to test with. */
export const hasProgram = (program: string): boolean =>
  spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;

export interface TestServer {
  readonly mountPoint: string;
  readonly process: ChildProcess;
  /** Settles when the mount says that it ended. */
  readonly ended: Promise<void>;
  /** Settles when the process is gone. */
  readonly exited: Promise<void>;
  ask(request: ServeRequest): Promise<unknown>;
  state(): Promise<ServerState>;
}

/** A directory to mount on, unmounted and removed at the end of the test whatever happens. */
export function mountPointFor(t: Test): string {
  const mountPoint = mkdtempSync(join(tmpdir(), 'tidecache-mount-'));
  t.teardown(() => {
    // Until nothing is there: fails when nothing is, which is what is wanted.
    while (spawnSync('umount', ['-i', '-l', mountPoint], { stdio: 'ignore' }).status === 0);
    rmdirSync(mountPoint);
  });
  return mountPoint;
}

/** Starts a server; rejects with its message when it can't mount. */
export async function startServer(
  t: Test,
  transport: Transport,
  options: Partial<ServeInit> = {},
): Promise<TestServer> {
  const mountPoint = options.mountPoint ?? mountPointFor(t);
  const child = fork(SCRIPT, [JSON.stringify({ transport, ...options, mountPoint })]);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  t.teardown(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const waiting = new Map<number, (answer: unknown) => void>();
  let lastId = 0;
  let tellEnded: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    tellEnded = resolve;
  });
  await new Promise<void>((resolve, reject) => {
    child.on('message', (message: { event?: string; message?: string; id?: number; answer?: unknown }) => {
      if (message.event === 'mounted') resolve();
      else if (message.event === 'failed') reject(new Error(message.message));
      else if (message.event === 'ended') tellEnded();
      else if (message.id !== undefined) {
        waiting.get(message.id)?.(message.answer);
        waiting.delete(message.id);
      }
    });
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
  });
  const ask = (request: ServeRequest) =>
    new Promise<unknown>((resolve) => {
      const id = ++lastId;
      waiting.set(id, resolve);
      child.send({ ...request, id });
    });
  return {
    mountPoint,
    process: child,
    ended,
    exited,
    ask,
    state: async () => (await ask({ do: 'state' })) as ServerState,
  };
}
