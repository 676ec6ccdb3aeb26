/**
 * `/dev/fuse` as a stream of requests. The descriptor is watched by the event loop itself (libuv's pipe handle polls
 * any descriptor), so a request costs no thread of libuv's pool and no hop between threads, and the process can exit
 * while mounted. Answers are written synchronously: the kernel only copies them, and never waits for anything there.
 */
import { closeSync, openSync, write, writeSync, writevSync } from 'node:fs';
import { Socket, type SocketConstructorOpts } from 'node:net';
import { TidecacheError } from '@tidecache/protocol';
import { systemCode } from '../errno.js';
import { MAX_WRITE_PARTS, REQUEST_BUFFER_BYTES } from '../limits.js';
import { BusyPoll } from './busy-poll.js';

export const FUSE_DEVICE = '/dev/fuse';

export interface DeviceEvents {
  /** One request. `request` is overwritten after the call returns. */
  request(request: Buffer): void;
  /** No more requests will come: unmounted (then `error` is undefined), or the device failed. */
  end(error?: Error): void;
}

/** Opens the device. Throws ACCESS_DENIED or NOT_FOUND, saying what to do. */
export function openDevice(path: string = FUSE_DEVICE): number {
  try {
    return openSync(path, 'r+');
  } catch (cause) {
    const code = systemCode(cause);
    if (code === 'EACCES' || code === 'EPERM') {
      const hint = 'run as root (in a container: --cap-add SYS_ADMIN --device /dev/fuse), or use fuse-native';
      throw new TidecacheError('ACCESS_DENIED', `cannot open ${path}: no permission (${hint})`, { cause });
    }
    const hint = 'load the module with `modprobe fuse`; in a container pass --device /dev/fuse';
    throw new TidecacheError('NOT_FOUND', `cannot open ${path}: ${code} (${hint})`, { cause });
  }
}

/** The descriptor as a socket. It owns the descriptor: nobody may write to it once `_destroy` has begun. */
class DeviceSocket extends Socket {
  ended = false;
  /** Settles when no write is on its way in the pool: a closed descriptor's number may be another file's at once. */
  beforeClose: () => Promise<void> = () => Promise.resolve();

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.ended = true;
    void this.beforeClose().then(() => super._destroy(error, callback));
  }
}

/** The part of libuv's pipe handle that is needed; net.Socket makes one for any path that it is told to connect to. */
interface PipeHandle {
  open(fd: number): number | undefined;
}

/** A handle that polls `fd`. Node has no documented way to watch a descriptor that is neither socket, pipe nor TTY. */
function pollHandle(fd: number): PipeHandle {
  const probe = new Socket();
  probe.on('error', () => {});
  probe.connect('\0tidecache-no-such-socket');
  const handle = (probe as unknown as { _handle: { constructor: new (type: number) => PipeHandle } })._handle;
  const pipe = new handle.constructor(0);
  probe.destroy();
  const failed = pipe.open(fd);
  if (failed) throw new TidecacheError('INTERNAL', `cannot poll ${FUSE_DEVICE}: libuv error ${failed}`);
  return pipe;
}

export class Device {
  readonly #fd: number;
  readonly #socket: DeviceSocket;
  readonly #busyPoll: BusyPoll;
  #notifying: Promise<void> = Promise.resolve();

  /** Takes over `fd`, on which a file system is mounted already. `busyPollMs`: see {@link BusyPoll}. */
  constructor(fd: number, events: DeviceEvents, busyPollMs = 0) {
    this.#fd = fd;
    this.#busyPoll = new BusyPoll({ pollMs: busyPollMs });
    const buffer = Buffer.allocUnsafeSlow(REQUEST_BUFFER_BYTES);
    const options = {
      handle: pollHandle(fd),
      onread: {
        buffer,
        // One read(2) returns exactly one request, so no framing is needed.
        callback: (bytes: number): boolean => {
          this.#busyPoll.asked();
          events.request(buffer.subarray(0, bytes));
          return true;
        },
      },
    };
    this.#socket = new DeviceSocket(options as unknown as SocketConstructorOpts);
    this.#socket.beforeClose = () => this.#notifying;
    this.#socket.on('error', (error) => {
      const code = systemCode(error);
      // ENODEV: unmounted. The others: aborted, by `umount -f` or through /sys/fs/fuse/connections.
      events.end(['ENODEV', 'ECONNABORTED', 'ENOENT'].includes(code) ? undefined : error);
    });
    this.#socket.on('end', () => events.end());
  }

  /** Writes an answer; false when nobody waits for it any more (interrupted, or unmounted). */
  write(bytes: Buffer, length: number): boolean {
    if (this.#socket.ended) return false;
    try {
      this.#busyPoll.answered(writeSync(this.#fd, bytes, 0, length));
      return true;
    } catch (error) {
      return this.#undelivered(error);
    }
  }

  /** The same for an answer in parts, which are not copied. */
  writeParts(parts: readonly Uint8Array[]): boolean {
    if (this.#socket.ended) return false;
    try {
      const few = parts.length <= MAX_WRITE_PARTS ? parts : [Buffer.concat(parts)];
      this.#busyPoll.answered(writevSync(this.#fd, few));
      return true;
    } catch (error) {
      return this.#undelivered(error);
    }
  }

  /**
   * Writes a notification from a thread of the pool. Never on this thread: to drop a name the kernel takes the lock
   * of its directory, which a lookup there holds until this process answers it; to drop pages it waits for reads of
   * them. Resolves to false when the kernel didn't have what was named.
   */
  notify(message: Buffer): Promise<boolean> {
    if (this.#socket.ended) return Promise.resolve(false);
    const written = new Promise<boolean>((resolve, reject) => {
      write(this.#fd, message, (error) => {
        const code = systemCode(error);
        if (error && code !== 'ENOENT' && code !== 'ENODEV' && code !== 'ENOTDIR') reject(error);
        else resolve(!error);
      });
    });
    this.#notifying = written.then(
      () => {},
      () => {},
    );
    return written;
  }

  /** Stops keeping the process alive. */
  unref(): void {
    this.#socket.unref();
  }

  /** Closes the descriptor. While the mount is there, the kernel then fails everything on it with ENOTCONN. */
  close(): void {
    this.#socket.destroy();
  }

  #undelivered(error: unknown): false {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENODEV' || code === 'EPERM' || code === 'ECONNABORTED') return false;
    throw error;
  }
}

/** Closes a descriptor that no Device has taken over. */
export const closeDevice = (fd: number): void => closeSync(fd);
