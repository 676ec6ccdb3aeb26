/** What is checked before anything is mounted, so that a refusal names its reason and its remedy. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { TidecacheError } from '@tidecache/protocol';
import { systemCode } from './errno.js';
import { findMount } from './mountinfo.js';

/**
 * The mount point's real path. Throws NOT_FOUND, NOT_A_DIRECTORY, NOT_EMPTY, ALREADY_EXISTS (something is mounted
 * there, or a mount whose server died) or ACCESS_DENIED.
 */
export async function checkMountPoint(mountPoint: string): Promise<string> {
  const path = resolve(mountPoint);
  try {
    const real = await realpath(path);
    const mounted = await findMount(real);
    // Asked for even where something is mounted: a dead mount shows only when it is touched.
    const { isDirectory } = await stat(real).then((found) => ({ isDirectory: found.isDirectory() }));
    if (mounted) {
      throw new TidecacheError(
        'ALREADY_EXISTS',
        `cannot mount on ${path}: ${mounted.source} (${mounted.type}) is mounted there already ` +
          `(unmount it with \`umount ${path}\`, or choose another directory)`,
      );
    }
    if (!isDirectory) throw refusal('NOT_A_DIRECTORY', path, 'it is not a directory (choose a directory)');
    if ((await readdir(real)).length > 0) {
      throw refusal(
        'NOT_EMPTY',
        path,
        'it is not empty (choose an empty directory: a mount hides what is there)',
      );
    }
    return real;
  } catch (thrown) {
    if (thrown instanceof TidecacheError) throw thrown;
    throw explain(path, thrown);
  }
}

function explain(path: string, cause: unknown): TidecacheError {
  const code = systemCode(cause);
  if (code === 'ENOENT') return refusal('NOT_FOUND', path, `it does not exist (\`mkdir -p ${path}\`)`, cause);
  if (code === 'ENOTDIR') {
    return refusal('NOT_A_DIRECTORY', path, 'a part of the path is not a directory', cause);
  }
  if (code === 'ENOTCONN') {
    const reason =
      'a mount is there whose serving process died: "Transport endpoint is not connected" ' +
      `(remove it with \`umount -l ${path}\`)`;
    return refusal('ALREADY_EXISTS', path, reason, cause);
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return refusal('ACCESS_DENIED', path, 'no permission to look at it', cause);
  }
  return refusal('INTERNAL', path, cause instanceof Error ? cause.message : String(cause), cause);
}

const refusal = (
  code: ConstructorParameters<typeof TidecacheError>[0],
  path: string,
  reason: string,
  cause?: unknown,
) => new TidecacheError(code, `cannot mount on ${path}: ${reason}`, { cause });
