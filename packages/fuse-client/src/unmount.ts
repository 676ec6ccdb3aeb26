/** Unmounting, the same for both transports: by `umount`, or by `fusermount` where one is not root. */
import { TidecacheError } from '@tidecache/protocol';
import { runCommand } from './command.js';
import { mountedDevice } from './mountinfo.js';

/**
 * Takes the mount `device` off the tree; lazily when files are open on it, which then stay readable until they are
 * closed. Does nothing when it is gone already. Throws INTERNAL with what the commands said when it stays.
 */
export async function unmountPath(mountPoint: string, device: string): Promise<{ lazy: boolean }> {
  const said: string[] = [];
  for (const [program, lazy, ...args] of attempts()) {
    if (!(await isMounted(mountPoint, device))) return { lazy: false };
    const { status, stderr } = await runCommand(program, [...args, mountPoint]);
    if (status === 0) return { lazy };
    said.push(stderr);
  }
  if (!(await isMounted(mountPoint, device))) return { lazy: false };
  throw new TidecacheError('INTERNAL', `cannot unmount ${mountPoint}: ${said.join('; ')}`);
}

function attempts(): [string, boolean, ...string[]][] {
  const asRoot: [string, boolean, ...string[]][] = [
    // -c: without it umount asks the mount for its attributes first, and waits for a master that is away.
    ['umount', false, '-i', '-c', '--'],
    ['umount', true, '-i', '-c', '-l', '--'],
  ];
  if (process.getuid?.() === 0) return asRoot;
  return [
    ['fusermount', false, '-u', '--'],
    ['fusermount', true, '-u', '-z', '--'],
    ['fusermount3', true, '-u', '-z', '--'],
    ...asRoot,
  ];
}

/** Whether it is still our mount that is there: another one may have taken its place. */
const isMounted = async (mountPoint: string, device: string): Promise<boolean> =>
  (await mountedDevice(mountPoint)) === device;
