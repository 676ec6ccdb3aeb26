/** The fuse-native transport: libfuse 2, by paths. Works without root where fusermount is installed, and on macOS. */
import { TidecacheError } from '@tidecache/protocol';
import { ownOwner } from '../attributes.js';
import { deferred } from '../deferred.js';
import type { Mount } from '../file-system.js';
import type { KernelMountInit } from '../kernel/mount.js';
import { INIT_DEADLINE_MS, MOUNT_CHECK_INTERVAL_MS, OPERATION_DEADLINE_MS } from '../limits.js';
import { SILENT } from '../logger.js';
import { checkMountPoint } from '../mount-point.js';
import { mountedDevice } from '../mountinfo.js';
import { unmountPath } from '../unmount.js';
import { loadFuseNative, type NativeMount } from './binding.js';
import { Names } from './names.js';
import { nativeOperations } from './operations.js';

/** How long libfuse lets the kernel believe names and attributes: one figure for all, so a short one. */
const KERNEL_VALID_SECONDS = 1;

/** Mounts and serves. Throws UNSUPPORTED when fuse-native can't be loaded; else as the kernel transport does. */
export async function mountNative(init: KernelMountInit): Promise<Mount> {
  const logger = init.logger ?? SILENT;
  const Fuse = await loadFuseNative();
  const mountPoint = await checkMountPoint(init.mountPoint);
  const names = new Names(init.fileSystem);
  const operations = nativeOperations({
    fileSystem: init.fileSystem,
    names,
    owner: init.owner ?? ownOwner(),
    deadlineMs: init.operationDeadlineMs ?? OPERATION_DEADLINE_MS,
  });
  const isRoot = process.getuid?.() === 0;
  const fuse = new Fuse(mountPoint, operations, {
    // It has no options for these, and joins what it has with commas.
    fsname: 'tidecache,ro,nosuid,nodev',
    subtype: 'tidecache',
    defaultPermissions: true,
    // Others than root may say so only where /etc/fuse.conf lets them.
    allowOther: isRoot,
    entryTimeout: KERNEL_VALID_SECONDS,
    attrTimeout: KERNEL_VALID_SECONDS,
    timeout: false,
  });
  await open(fuse, mountPoint);
  const device = await mountedDevice(mountPoint);
  logger.info({ mountPoint, transport: 'fuse-native' }, 'mounted');

  const ended = deferred<void>();
  // libfuse tells nobody that it ended.
  const checking = setInterval(async () => {
    if ((await mountedDevice(mountPoint)) !== device) end();
  }, MOUNT_CHECK_INTERVAL_MS);
  checking.unref();

  function end(): void {
    clearInterval(checking);
    // Lets go of what keeps this process alive; the unmounting is done.
    fuse.unmount(() => {
      logger.info({ mountPoint }, 'unmounted');
      ended.resolve();
    });
  }

  return {
    mountPoint,
    notifier: {
      // The kernel's own cache can't be reached through libfuse 2: it forgets within KERNEL_VALID_SECONDS.
      invalidateEntry: (parent, name) => names.forget(parent, name),
      invalidateInode: () => {},
    },
    ended: ended.promise,
    async unmount() {
      await unmountPath(mountPoint, device);
      end();
      await ended.promise;
    },
  };
}

async function open(fuse: NativeMount, mountPoint: string): Promise<void> {
  const ready = deferred<void>();
  const timer = setTimeout(
    () => ready.reject(new Error(`no INIT from the kernel in ${INIT_DEADLINE_MS} ms`)),
    INIT_DEADLINE_MS,
  );
  fuse.mount((error) => (error ? ready.reject(error) : ready.resolve()));
  try {
    await ready.promise;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const hint =
      '/dev/fuse must be there and open to this user, and fusermount be installed (package fuse or fuse3); ' +
      'in a container: --cap-add SYS_ADMIN --device /dev/fuse';
    throw new TidecacheError('ACCESS_DENIED', `cannot mount on ${mountPoint}: ${reason} (${hint})`, {
      cause,
    });
  } finally {
    clearTimeout(timer);
  }
}
