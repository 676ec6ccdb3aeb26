/** The FileSystem's operations in terms of paths, as libfuse's high-level interface has them. */
import { constants } from 'node:fs';
import { type InodeRecord, inodeId, TidecacheError } from '@tidecache/protocol';
import { isListable, type Owner, statBlocks, statLinks, statMode } from '../attributes.js';
import { errnoOf } from '../errno.js';
import type { FileSystem, ReadAnswer } from '../file-system.js';
import { MAX_NATIVE_LISTING, MAX_READDIR_BATCH, STAT_BLOCK_BYTES } from '../limits.js';
import type { NativeOperations, NativeStat } from './binding.js';
import type { Names } from './names.js';
import { OpenFiles } from './open-files.js';

export interface NativeOperationsInit {
  readonly fileSystem: FileSystem;
  readonly names: Names;
  readonly owner: Owner;
  /** Every operation is answered by then. fuse-native's own time-out would leave a buffer in use that it frees. */
  readonly deadlineMs: number;
}

export function nativeOperations({
  fileSystem,
  names,
  owner,
  deadlineMs,
}: NativeOperationsInit): NativeOperations {
  const files = new OpenFiles();
  const { getxattr, listxattr } = fileSystem;

  /** Runs `operation`; `answer` gets what it returns or a negative errno, once. `late` gives back what came too late. */
  function serve<T>(
    operation: () => Promise<T>,
    answer: (result: number, value?: T) => void,
    late?: (value: T) => void,
  ): void {
    let waiting = true;
    const finish = (result: number, value?: T) => {
      waiting = false;
      clearTimeout(timer);
      answer(result, value);
    };
    const timer = setTimeout(() => {
      finish(-errnoOf(new TidecacheError('TIMEOUT', `no answer in ${deadlineMs} ms`)));
    }, deadlineMs);
    operation().then(
      (value) => (waiting ? finish(0, value) : late?.(value)),
      (thrown: unknown) => waiting && finish(-errnoOf(thrown)),
    );
  }

  async function openFile(path: string): Promise<number> {
    let inode = await names.resolve(path);
    let opened: Awaited<ReturnType<FileSystem['open']>>;
    try {
      opened = await fileSystem.open(inodeId(inode.ino));
    } catch (thrown) {
      if (!(thrown instanceof TidecacheError) || thrown.code !== 'STALE') throw thrown;
      // What the kernel does by itself for the kernel transport: look again, once.
      names.forgetPath(path);
      inode = await names.resolve(path);
      opened = await fileSystem.open(inodeId(inode.ino));
    }
    try {
      return files.add(path, inode, opened.handle);
    } catch (thrown) {
      fileSystem.release(opened.handle);
      throw thrown;
    }
  }

  function close(handle: number): void {
    const file = files.remove(handle);
    if (file) fileSystem.release(file.handle);
  }

  async function list(path: string): Promise<string[]> {
    const { ino } = await names.resolve(path);
    const parent = inodeId(ino);
    const { handle } = await fileSystem.opendir(parent);
    const found = ['.', '..'];
    try {
      for (let position = 0; ; ) {
        const entries = await fileSystem.readdir(handle, position, MAX_READDIR_BATCH);
        if (entries.length === 0) return found;
        position += entries.length;
        if (position > MAX_NATIVE_LISTING) {
          throw new TidecacheError(
            'UNSUPPORTED',
            `${path} has more than ${MAX_NATIVE_LISTING} entries: use the kernel transport`,
          );
        }
        for (const entry of entries) {
          if (!isListable(entry.name)) continue;
          names.add(parent, entry.name, entry);
          found.push(entry.name);
        }
      }
    } finally {
      fileSystem.releasedir(handle);
    }
  }

  return {
    getattr(path, answer) {
      serve(async () => stat(await names.resolve(path), owner), answer);
    },
    readdir(path, answer) {
      serve(() => list(path), answer);
    },
    open(path, flags, answer) {
      if ((flags & (constants.O_WRONLY | constants.O_RDWR | constants.O_TRUNC)) !== 0) {
        answer(-constantsErrno('READ_ONLY'));
        return;
      }
      serve(() => openFile(path), answer, close);
    },
    read(path, handle, into, length, offset, answer) {
      serve(
        async (): Promise<ReadAnswer> => {
          const file = files.get(handle);
          if (file.stale) throw new TidecacheError('STALE', `${path} was replaced and opened anew`);
          return await fileSystem.read(file.handle, offset, length);
        },
        (result, value) => answer(value ? copyInto(into, value) : result),
        (value) => value.release(),
      );
    },
    release(_path, handle, answer) {
      close(handle);
      answer(0);
    },
    statfs(_path, answer) {
      serve(async () => {
        const { blockSize, blocks, files: count, maxNameBytes } = await fileSystem.statfs();
        return { bsize: blockSize, frsize: blockSize, blocks, files: count, namemax: maxNameBytes };
      }, answer);
    },
    ...(getxattr && {
      getxattr(path, name, _position, answer) {
        serve<Buffer | undefined>(async () => {
          const value = await getxattr(inodeId((await names.resolve(path)).ino), name);
          return value && Buffer.from(value.buffer, value.byteOffset, value.byteLength);
        }, answer);
      },
    }),
    ...(listxattr && {
      listxattr(path, answer) {
        serve(async () => listxattr(inodeId((await names.resolve(path)).ino)), answer);
      },
    }),
  };
}

const constantsErrno = (code: ConstructorParameters<typeof TidecacheError>[0]): number =>
  errnoOf(new TidecacheError(code, ''));

function stat(inode: InodeRecord, owner: Owner): NativeStat {
  const timeMs = Math.max(0, Math.floor(inode.mtimeMs));
  return {
    mode: statMode(inode),
    uid: inode.uid ?? owner.uid,
    gid: inode.gid ?? owner.gid,
    size: inode.size,
    nlink: statLinks(inode),
    ino: inode.ino,
    blksize: STAT_BLOCK_BYTES,
    blocks: statBlocks(inode),
    atime: timeMs,
    mtime: timeMs,
    ctime: timeMs,
  };
}

/** libfuse's buffer is not to be touched after the answer: the bytes are copied first. Returns how many. */
function copyInto(into: Buffer, answer: ReadAnswer): number {
  let at = 0;
  for (const part of answer.parts) {
    const bytes = Math.min(part.length, into.length - at);
    into.set(bytes === part.length ? part : part.subarray(0, bytes), at);
    at += bytes;
  }
  answer.release();
  return at;
}
