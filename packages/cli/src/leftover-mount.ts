/** What a mount's process leaves in the mount table when it's killed. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** `umount` answers at once or hangs on a dead file server; this bounds it. */
const UMOUNT_MS = 2_000;

/** Takes a FUSE mount whose process is gone off `mountPoint`, if there is one. Waits, so only for the end of things. */
export function unmountLeftover(mountPoint: string): void {
  if (process.platform === 'linux' && !isFuseMount(mountPoint, readFileSync('/proc/self/mountinfo', 'utf8')))
    return;
  const root = process.getuid?.() === 0;
  const [command, ...args] =
    process.platform !== 'linux' ? ['umount', '-f'] : root ? ['umount', '-l'] : ['fusermount', '-u', '-z'];
  spawnSync(command as string, [...args, mountPoint], { timeout: UMOUNT_MS, stdio: 'ignore' });
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
