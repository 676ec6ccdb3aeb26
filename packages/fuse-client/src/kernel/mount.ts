/** The kernel transport: mounts, agrees on INIT, serves until unmounted. Needs root, or CAP_SYS_ADMIN. */
import { writeFile } from 'node:fs/promises';
import { TidecacheError } from '@tidecache/protocol';
import { type Owner, ownOwner } from '../attributes.js';
import { runCommand } from '../command.js';
import { deferred } from '../deferred.js';
import type { FileSystem, Mount } from '../file-system.js';
import { DEFAULT_READ_AHEAD_KIB, INIT_DEADLINE_MS, MAX_READ_REQUEST_BYTES } from '../limits.js';
import { type Logger, SILENT } from '../logger.js';
import { checkMountPoint } from '../mount-point.js';
import { mountedDevice } from '../mountinfo.js';
import { unmountPath } from '../unmount.js';
import { decodeHeader, decodeInit, encodeInit } from './conversion.js';
import { closeDevice, Device, type DeviceEvents, openDevice } from './device.js';
import { negotiate } from './negotiate.js';
import { createNotifier } from './notifier.js';
import { type Service, serveRequest } from './operations.js';
import { Session } from './session.js';
import { INIT, OP, OUT_HEADER_BYTES } from './wire.js';

export interface KernelMountInit {
  readonly fileSystem: FileSystem;
  readonly mountPoint: string;
  readonly logger?: Logger;
  /** Shown where the origin has no owners. The serving process's by default. */
  readonly owner?: Owner;
  /** How far the kernel reads ahead on a sequential read. */
  readonly readAheadKiB?: number;
  /** Bounds every operation. */
  readonly operationDeadlineMs?: number;
  /** Milliseconds to wait awake, at most, for a small request that is likely to come at once. Not at all by default. */
  readonly busyPollMs?: number;
}

/**
 * Mounts and serves. Throws before anything is mounted: see checkMountPoint and openDevice; ACCESS_DENIED where
 * mounting is not allowed; UNSUPPORTED for an old kernel.
 */
export async function mountKernel(init: KernelMountInit): Promise<Mount> {
  const logger = init.logger ?? SILENT;
  const mountPoint = await checkMountPoint(init.mountPoint);
  const owner = init.owner ?? ownOwner();
  const fd = openDevice();
  try {
    await callMount(fd, mountPoint);
  } catch (error) {
    closeDevice(fd);
    throw error;
  }

  const ready = deferred<void>();
  const ended = deferred<void>();
  let receive: (request: Buffer) => void = takeInit;
  const events: DeviceEvents = {
    request: (request) => receive(request),
    end(error) {
      session.end();
      if (error)
        logger.error({ mountPoint, error: error.message }, 'the FUSE device failed: the mount is dead');
      else logger.info({ mountPoint }, 'unmounted');
      ready.reject(new TidecacheError('INTERNAL', `${mountPoint} was unmounted before it was ready`));
      ended.resolve();
    },
  };
  const device = new Device(fd, events, init.busyPollMs);
  const session = new Session({
    device,
    logger,
    ...(init.operationDeadlineMs === undefined ? {} : { operationDeadlineMs: init.operationDeadlineMs }),
  });
  let service: Service = { fileSystem: init.fileSystem, session, owner, openless: false };

  function takeInit(request: Buffer): void {
    const header = decodeHeader(request);
    const argument = header?.opcode === OP.INIT ? decodeInit(request) : undefined;
    if (!header || !argument) {
      ready.reject(new TidecacheError('PROTOCOL', 'the kernel did not begin with INIT'));
      return;
    }
    try {
      const answer = negotiate(argument);
      session.replyOut(header, encodeInit(answer, session.out, OUT_HEADER_BYTES));
      logger.debug({ mountPoint, kernel: argument, agreed: answer }, 'FUSE negotiated');
      const openless = init.fileSystem.readInode !== undefined && (answer.flags & INIT.NO_OPEN_SUPPORT) !== 0;
      service = { ...service, openless };
      receive = (next) => serveRequest(service, next);
      ready.resolve();
    } catch (thrown) {
      session.replyThrown(header, thrown);
      ready.reject(thrown as Error);
    }
  }

  const timer = setTimeout(() => {
    ready.reject(new TidecacheError('TIMEOUT', `no INIT from the kernel in ${INIT_DEADLINE_MS} ms`));
  }, INIT_DEADLINE_MS);
  let kernelDevice = '';
  try {
    await ready.promise;
    kernelDevice = await mountedDevice(mountPoint);
    await raiseReadAhead(kernelDevice, init.readAheadKiB ?? DEFAULT_READ_AHEAD_KIB, logger);
  } catch (error) {
    await runCommand('umount', ['-i', '-l', '--', mountPoint]);
    device.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  logger.info({ mountPoint, transport: 'kernel' }, 'mounted');

  return {
    mountPoint,
    notifier: createNotifier(device, logger),
    ended: ended.promise,
    async unmount() {
      const { lazy } = await unmountPath(mountPoint, kernelDevice);
      // Files that are still open are served on, but they must not keep this process from ending.
      if (lazy) device.unref();
      else await ended.promise;
    },
  };
}

async function callMount(fd: number, mountPoint: string): Promise<void> {
  const { uid, gid } = ownOwner();
  const options = [
    'ro,nosuid,nodev,noatime',
    'fd=3,rootmode=40000',
    `user_id=${uid},group_id=${gid}`,
    'allow_other,default_permissions',
    `max_read=${MAX_READ_REQUEST_BYTES}`,
  ].join(',');
  // -i: no helper program; -n: no mtab of its own.
  const args = ['-i', '-n', '-t', 'fuse.tidecache', '-o', options, '--', 'tidecache', mountPoint];
  const { status, stderr } = await runCommand('mount', args, fd);
  if (status === 0) return;
  const refused = /permission|not permitted|superuser/i.test(stderr);
  const hint = refused
    ? 'run as root; in a container: --cap-add SYS_ADMIN --device /dev/fuse; or use fuse-native'
    : 'see above and `dmesg`';
  throw new TidecacheError(
    refused ? 'ACCESS_DENIED' : 'INTERNAL',
    `cannot mount on ${mountPoint}: ${stderr || `mount ended with status ${status}`} (${hint})`,
  );
}

/**
 * The kernel reads ahead no further than its backing device says, 128 KiB unless told otherwise here; requests of a
 * sequential read are no longer than that. In a container /sys is mostly read-only: slower, not wrong.
 */
async function raiseReadAhead(device: string, readAheadKiB: number, logger: Logger): Promise<void> {
  const path = `/sys/class/bdi/${device}/read_ahead_kb`;
  try {
    await writeFile(path, `${readAheadKiB}`);
  } catch (error) {
    logger.debug(
      { path, error: String(error) },
      'read-ahead stays at 128 KiB: reads come in smaller requests',
    );
  }
}
