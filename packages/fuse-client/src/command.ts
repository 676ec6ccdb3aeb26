/** Runs mount and umount, which know more than this package should. */
import { spawn } from 'node:child_process';
import { COMMAND_DEADLINE_MS } from './limits.js';

export interface CommandResult {
  /** Exit status; null: killed, or could not be started. */
  readonly status: number | null;
  readonly stderr: string;
}

const MAX_STDERR_CHARACTERS = 4096;

/** Runs a program without a shell; `fd`, if given, is its descriptor 3. Never rejects. */
export function runCommand(program: string, args: readonly string[], fd?: number): Promise<CommandResult> {
  return new Promise((resolve) => {
    const stdio: ('ignore' | 'pipe' | number)[] = ['ignore', 'ignore', 'pipe'];
    if (fd !== undefined) stdio.push(fd);
    const child = spawn(program, args, { stdio, timeout: COMMAND_DEADLINE_MS, killSignal: 'SIGKILL' });
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (stderr.length < MAX_STDERR_CHARACTERS) stderr += text;
    });
    child.on('error', (error) => resolve({ status: null, stderr: `${program}: ${error.message}` }));
    child.on('close', (status) => resolve({ status, stderr: stderr.trim() }));
  });
}
