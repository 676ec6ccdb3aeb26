import { type InodeRecord, inodeId, MiB, ROOT_INODE, TidecacheError } from '@tidecache/protocol';
import type { FileSystem } from '../file-system.js';
import { FILE_ATTR_VALID_MS, MAX_READ_REQUEST_BYTES } from '../limits.js';

const FILE = inodeId(2);

/**
 * One file, `data`, of `sizeBytes` zeros served from one buffer: what a mount costs when the bytes cost nothing. The
 * floor that a measured read is compared with. Any other name `x…` is an empty file, for lookups of names never seen.
 */
export function nullFileSystem(sizeBytes: number): FileSystem {
  const zeros = new Uint8Array(Math.max(MAX_READ_REQUEST_BYTES, MiB));
  const nothing = () => {};
  const file = (ino: number, size: number): InodeRecord => ({
    ino,
    kind: 'file',
    size,
    mtimeMs: 0,
    mode: 0o444,
  });
  const root: InodeRecord = { ino: ROOT_INODE, kind: 'directory', size: 0, mtimeMs: 0, mode: 0o555 };
  const data = file(FILE, sizeBytes);
  const valid = { entryValidMs: FILE_ATTR_VALID_MS, attrValidMs: FILE_ATTR_VALID_MS };
  let lastIno: number = FILE;

  return {
    lookup(_parent, name) {
      if (name === 'data') return { inode: data, ...valid };
      if (name.startsWith('x')) return { inode: file(++lastIno, 0), ...valid };
      throw new TidecacheError('NOT_FOUND', `no ${name}`);
    },
    getattr: (ino) => ({
      inode: ino === ROOT_INODE ? root : ino === FILE ? data : file(ino, 0),
      attrValidMs: FILE_ATTR_VALID_MS,
    }),
    // Handles are inode numbers.
    open: (ino) => ({ handle: ino, keepCache: true }),
    read(handle, offset, length) {
      const size = handle === FILE ? sizeBytes : 0;
      const bytes = Math.max(0, Math.min(length, size - offset));
      return { parts: [zeros.subarray(0, bytes)], bytes, release: nothing };
    },
    release: nothing,
    opendir: () => ({ handle: 1 }),
    readdir: (_handle, offset) => (offset === 0 ? [{ name: 'data', inode: data, ...valid }] : []),
    releasedir: nothing,
    statfs: () => ({ blockSize: 4096, blocks: 0, files: 1, maxNameBytes: 255 }),
  };
}
