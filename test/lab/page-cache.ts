import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Drops the kernel's cached pages of one file: GNU dd's `nocache` with a count of 0 advises POSIX_FADV_DONTNEED. */
export async function dropPageCache(path: string): Promise<void> {
  await run('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none']);
}
