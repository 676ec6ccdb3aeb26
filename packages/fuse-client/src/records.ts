/** How long the kernel may believe what the client says. */
import type { Entry, InodeRecord } from '@tidecache/protocol';
import type { DirectoryEntry } from './file-system.js';
import { DIRECTORY_ATTR_VALID_MS, FILE_ATTR_VALID_MS } from './limits.js';

/** `longestMs` bounds the name. A file's record never changes, so only its name can become wrong; a directory's attributes may. */
export function directoryEntry({ name, inode, validMs }: Entry, longestMs: number): DirectoryEntry {
  return {
    name,
    inode,
    entryValidMs: Math.min(validMs, longestMs),
    attrValidMs: inode.kind === 'file' ? FILE_ATTR_VALID_MS : validMs,
  };
}

export const attrValidMs = (inode: InodeRecord): number =>
  inode.kind === 'file' ? FILE_ATTR_VALID_MS : DIRECTORY_ATTR_VALID_MS;
