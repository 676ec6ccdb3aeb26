import { TidecacheError } from '@tidecache/protocol';
import type { Mount } from '../file-system.js';
import type { KernelMountInit } from '../kernel/mount.js';
export async function mountNative(_init: KernelMountInit): Promise<Mount> {
  throw new TidecacheError('UNSUPPORTED', 'not written yet');
}
