/**
 * What a bench that was killed left behind: processes in its namespaces, the namespaces, its bridge, its mounts. Names
 * carry the id of the process that made them, so a run that is alive is never touched.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** Of bridges, their ports and namespaces. Names of interfaces may have 15 characters: it is short. */
export const NAME_PREFIX = 'tdc';
/** Of the scratch directory of whoever mounts something in one of the hosts. */
export const scratchName = (bench: string): string => `${bench}-${process.pid}`;

const NAMESPACES = '/run/netns';
/** Processes get this long to unmount and to end by themselves. */
const GRACE_MS = 5_000;

export async function clearLeftovers(): Promise<void> {
  const namespaces = existsSync(NAMESPACES) ? readdirSync(NAMESPACES).filter(isOrphan) : [];
  await endProcesses(namespaces);
  for (const name of namespaces) await run('ip', ['netns', 'del', name]);
  const bridges = readdirSync('/sys/class/net').filter((name) => isOrphan(name) && /^[a-z]+\d+$/.test(name));
  for (const name of bridges) await run('ip', ['link', 'del', name]);
  for (const dir of orphanedScratch()) {
    for (const mountPoint of mountsUnder(dir)) await run('umount', ['-l', mountPoint]);
    rmSync(dir, { recursive: true, force: true });
  }
}

/** `tdc<pid>…` of a process that is gone. */
function isOrphan(name: string): boolean {
  const pid = new RegExp(`^${NAME_PREFIX}(\\d+)(?:[-v]\\d+)?$`).exec(name)?.[1];
  return pid !== undefined && !existsSync(`/proc/${pid}`);
}

async function endProcesses(namespaces: readonly string[]): Promise<void> {
  const pids = async () => {
    const lists = await Promise.all(namespaces.map((name) => run('ip', ['netns', 'pids', name])));
    return lists.flatMap(({ stdout }) => stdout.split('\n').filter(Boolean).map(Number));
  };
  const deadline = performance.now() + GRACE_MS;
  for (const pid of await pids()) signal(pid, 'SIGTERM');
  while ((await pids()).length > 0 && performance.now() < deadline) await delay(100);
  for (const pid of await pids()) signal(pid, 'SIGKILL');
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself meanwhile.
  }
}

function orphanedScratch(): string[] {
  const pidOf = (name: string) => /^tidecache-[a-z-]+-(\d+)-/.exec(name)?.[1];
  return readdirSync(tmpdir())
    .filter((name) => pidOf(name) !== undefined && !existsSync(`/proc/${pidOf(name)}`))
    .map((name) => join(tmpdir(), name));
}

function mountsUnder(dir: string): string[] {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
  return points.filter((point) => point.startsWith(`${dir}/`));
}
