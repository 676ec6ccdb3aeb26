/** What the tests share: temporary directories, command lines in this process, and command lines as real processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import type { Env } from '../src/config/env.js';
import { run } from '../src/program.js';

export const ENTRY = fileURLToPath(new URL('../../bin/tidecache.cjs', import.meta.url));
export const SECRET = 'a secret of enough characters';

/** A directory that is removed when the test ends. */
export function tempDir(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'tidecache-cli-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One command line in this process. */
export async function invoke(argv: readonly string[], env: Env = {}): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  const status = await run({
    argv,
    env,
    isTerminal: false,
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
  });
  return { status, stdout, stderr };
}

export interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  /** All of stderr until now. */
  stderr(): string;
  /** The first line of stdout, parsed; rejects with stderr when the process ends before. */
  readonly ready: Promise<Record<string, unknown>>;
  /** Resolves when the process has ended. */
  readonly ended: Promise<{ status: number | null; signal: NodeJS.Signals | null }>;
}

/** A command line as a process of its own; killed when the test ends, if it's still there. */
export function start(t: Test, argv: readonly string[], env: Env = {}, cwd = tmpdir()): Running {
  const child = spawn(process.execPath, [ENTRY, ...argv], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'exit').then(([status, signal]) => ({ status, signal }));
  const ready = new Promise<Record<string, unknown>>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      const end = stdout.indexOf('\n');
      if (end >= 0) resolve(JSON.parse(stdout.slice(0, end)));
    });
    child.on('close', () => reject(new Error(`ended before it was ready: ${stderr}`)));
  });
  // Not every test waits for it.
  ready.catch(() => {});
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
  });
  return { child, pid: child.pid ?? 0, stderr: () => stderr, ready, ended };
}

/** One command line as a process, to its end. */
export async function runProcess(t: Test, argv: readonly string[], env: Env = {}): Promise<Outcome> {
  const child = spawn(process.execPath, [ENTRY, ...argv], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const [stdout, stderr, [status]] = await Promise.all([
    readAll(child.stdout),
    readAll(child.stderr),
    once(child, 'close'),
  ]);
  return { status, stdout, stderr };
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  return text;
}

/** Whether a process is there, and not only waiting to be reaped. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

/** Processes, other than this one, that have `word` in their command line. */
export function processesWith(word: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      return (
        pid !== process.pid && isAlive(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(word)
      );
    } catch {
      return false; // It ended meanwhile.
    }
  });
}

/** Polls until `condition`; the bound only ends a test that has failed. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited too long for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
