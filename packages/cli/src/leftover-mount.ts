/** What a mount's process leaves in the mount table when it's killed, or when it has to end before it could unmount. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';

/** `umount` answers at once or hangs on a dead file server; this bounds it. */
const UMOUNT_MS = 2_000;

/**
 * A directory's path as the mount table has it. Asked for before anything is mounted there: afterwards a dead mount
 * does not let itself be looked at.
 */
export function realMountPoint(directory: string): string {
  try {
    return realpathSync(directory);
  } catch {
    // Missing, or dead: mounting will say so.
    return resolve(directory);
  }
}

/** Takes a FUSE mount whose process is gone off `mountPoint`, if there is one. Waits: only for the end of things. */
export function unmountLeftover(mountPoint: string): void {
  if (!mayBeMounted(mountPoint)) return;
  const [command, args] = lazyUnmount(mountPoint);
  spawnSync(command, args, { timeout: UMOUNT_MS, stdio: 'ignore' });
}

/**
 * The same for this process's own mount, when it is about to exit: `umount` runs on by itself. Waiting for it would be
 * a deadlock, since it may ask the mount, which nobody serves while this process waits.
 */
export function unmountBehind(mountPoint: string): void {
  if (!mayBeMounted(mountPoint)) return;
  const [command, args] = lazyUnmount(mountPoint);
  spawn(command, args, { detached: true, stdio: 'ignore' })
    .on('error', () => {})
    .unref();
}

function lazyUnmount(mountPoint: string): [string, string[]] {
  if (process.platform !== 'linux') return ['umount', ['-f', mountPoint]];
  const isRoot = process.getuid?.() === 0;
  return isRoot ? ['umount', ['-i', '-l', '--', mountPoint]] : ['fusermount', ['-u', '-z', '--', mountPoint]];
}

function mayBeMounted(mountPoint: string): boolean {
  return (
    process.platform !== 'linux' || isFuseMount(mountPoint, readFileSync('/proc/self/mountinfo', 'utf8'))
  );
}

/** Whether /proc/self/mountinfo has a FUSE mount on `mountPoint` (proc_pid_mountinfo(5)). */
export function isFuseMount(mountPoint: string, mountInfo: string): boolean {
  // The kernel writes space, tab, line feed and backslash in octal.
  const escaped = mountPoint.replace(
    /[ \t\n\\]/g,
    (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
  return mountInfo.split('\n').some((line) => {
    const [before = '', after = ''] = line.split(' - ');
    return before.split(' ')[4] === escaped && /^fuse(blk|\.|\s|$)/.test(after);
  });
}
