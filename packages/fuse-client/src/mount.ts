import type { Client } from '@tidecache/client';
import { inodeId, TidecacheError } from '@tidecache/protocol';
import type { Mount } from './file-system.js';
import { type KernelMountInit, mountKernel } from './kernel/mount.js';
import type { Logger } from './logger.js';
import { mountNative } from './native/mount.js';
import { createFileSystem } from './tidecache.js';

/** `kernel`: /dev/fuse spoken directly, Linux, needs root. `fuse-native`: libfuse 2, also without root and on macOS. */
export type Transport = 'kernel' | 'fuse-native';

export interface MountInit extends KernelMountInit {
  readonly transport: Transport;
}

/** Mounts a file system and serves it. Errors say what to do; nothing is left mounted by a failure. */
export async function mountFileSystem(init: MountInit): Promise<Mount> {
  if (init.transport === 'kernel' && process.platform !== 'linux') {
    throw new TidecacheError('UNSUPPORTED', 'the kernel transport is for Linux: use fuse-native');
  }
  return init.transport === 'kernel' ? mountKernel(init) : mountNative(init);
}

export interface MountClientInit extends Omit<MountInit, 'fileSystem'> {
  readonly client: Client;
  readonly logger?: Logger;
  /** Have extended attributes. Default false. */
  readonly xattrs?: boolean;
}

/** Mounts what `client` sees, and passes the master's invalidations on to the kernel. Leaves `client` open. */
export async function mountClient({ client, xattrs = false, ...init }: MountClientInit): Promise<Mount> {
  const fileSystem = createFileSystem(client, { openless: init.transport === 'kernel', xattrs });
  const mount = await mountFileSystem({ ...init, fileSystem });
  const stop = client.onInvalidate((change) => {
    for (const { parent, name } of change.entries) mount.notifier.invalidateEntry(inodeId(parent), name);
    for (const ino of change.inodes) mount.notifier.invalidateInode(inodeId(ino));
  });
  void mount.ended.then(() => {
    stop();
    fileSystem.close();
  });
  return mount;
}
