/** How a record of the tree looks to stat(2), the same through both transports. */
import { type InodeRecord, MAX_NAME_BYTES } from '@tidecache/protocol';

/** Who owns what has no owner of its own. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The user that serves the mount. */
export const ownOwner = (): Owner => ({ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });

const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;

/** `st_mode`: the kind, and the permissions without writing (the mount is read-only) and without set-id bits. */
export const statMode = (inode: InodeRecord): number =>
  (inode.kind === 'directory' ? S_IFDIR : S_IFREG) | (inode.mode & 0o555);

/** `st_nlink`: subdirectories are not counted, which 2 tells to those that look (find, fts). */
export const statLinks = (inode: InodeRecord): number => (inode.kind === 'directory' ? 2 : 1);

/** `st_blocks`, in units of 512 bytes. */
export const statBlocks = (inode: InodeRecord): number => Math.ceil(inode.size / 512);

/** Whether the kernel takes this for the name of an entry; one that it doesn't would fail the whole listing. */
export function isListable(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0')) return false;
  return fitsName(name);
}

/** Whether a name is within NAME_MAX. */
export const fitsName = (name: string): boolean =>
  name.length * 3 <= MAX_NAME_BYTES || Buffer.byteLength(name) <= MAX_NAME_BYTES;
