/**
 * Whose files these are. A process that was killed leaves its files behind, and with them memory: the next worker on
 * the host removes what has no owner any more.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PREFIX = 'tidecache-';
const OWNER = '.owner';

interface Owner {
  readonly pid: number;
  /** Ticks after boot at which it started: a number that is used again is another process. */
  readonly startedAt: string;
  /** Pids mean something within one of these only. */
  readonly pidNamespace: string;
}

/** What the names of all files of the owner of one Unix-domain socket begin with. */
export const socketPrefix = (socketPath: string): string =>
  `${PREFIX}${createHash('sha256').update(socketPath).digest('hex').slice(0, 12)}-`;

/** Says that files which begin with `base` are this process's. */
export function claim(base: string): void {
  writeFileSync(base + OWNER, JSON.stringify(self()), { mode: 0o600 });
}

/**
 * Removes what dead processes left in `dir`, and all that an earlier owner of `socketPath` did: a socket has one owner
 * at a time. Clients that still map such a file keep what they have.
 */
export function removeLeftovers(dir: string, socketPath: string): void {
  const ours = socketPrefix(socketPath);
  for (const name of readdirSync(dir)) {
    if (!name.startsWith(PREFIX) || !name.endsWith(OWNER)) continue;
    if (name.startsWith(ours) || isDead(join(dir, name))) removeFiles(dir, name.slice(0, -OWNER.length));
  }
}

export function removeFiles(dir: string, base: string): void {
  for (const name of readdirSync(dir)) {
    if (name.startsWith(`${base}.`)) rmSync(join(dir, name), { force: true });
  }
}

function isDead(path: string): boolean {
  try {
    const owner = JSON.parse(readFileSync(path, 'utf8')) as Owner;
    return owner.pidNamespace === self().pidNamespace && startTime(owner.pid) !== owner.startedAt;
  } catch {
    return false; // another user's, or gone meanwhile
  }
}

const self = (): Owner => ({
  pid: process.pid,
  startedAt: startTime(process.pid) ?? '',
  pidNamespace: readlinkSync('/proc/self/ns/pid'),
});

/** Field 22 of /proc/PID/stat; the name before it may hold spaces and brackets. Undefined without such a process. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
