/** The FileSystem of a running cluster: every operation is one call of the client. */
import type { Client, FileHandle } from '@tidecache/client';
import { type Entry, type InodeRecord, inodeId, MAX_NAME_BYTES } from '@tidecache/protocol';
import { Directory } from './directory.js';
import type { FileSystem, MaybePromise, StatfsAnswer } from './file-system.js';
import { HandleTable } from './handles.js';
import { InodeFiles } from './inode-files.js';
import { KeptListings } from './kept-listings.js';
import { OPENLESS_ENTRY_VALID_MS, STAT_BLOCK_BYTES } from './limits.js';
import { attrValidMs, directoryEntry } from './records.js';

/** Sizes unknown: what the origins hold is not counted. `df` leaves such file systems out, as it does /proc. */
const STATFS: StatfsAnswer = {
  blockSize: STAT_BLOCK_BYTES,
  blocks: 0,
  files: 0,
  maxNameBytes: MAX_NAME_BYTES,
};

export interface FileSystemOptions {
  /** Let files be read by their inode, without an open: only where nothing is written. Default false. */
  readonly openless?: boolean;
  /** Have `user.tidecache.…`: it costs two requests for every file of an `ls -l`. Default false. */
  readonly xattrs?: boolean;
}

export interface ClientFileSystem extends FileSystem {
  /** For when its mount has ended: closes the files that it keeps open between reads. Leaves the client open. */
  close(): void;
}

interface OpenDirectory {
  readonly directory: Directory;
  close(): void;
}

export function createFileSystem(
  client: Client,
  { openless = false, xattrs = false }: FileSystemOptions = {},
): ClientFileSystem {
  const longestMs = openless ? OPENLESS_ENTRY_VALID_MS : Number.POSITIVE_INFINITY;
  const answer = (entry: Entry) => directoryEntry(entry, longestMs);
  const inodeFiles = new InodeFiles(client);
  const files = new HandleTable<FileHandle>('file');
  const directories = new HandleTable<OpenDirectory>('directory');
  const kept = new KeptListings();
  const stopListening = client.onInvalidate(({ entries, inodes }) => {
    for (const { parent } of entries) kept.changed(inodeId(parent));
    for (const ino of inodes) kept.changed(inodeId(ino));
  });

  const opened = (file: FileHandle) => {
    try {
      // An inode is one version: the pages that the kernel has of it are right.
      return { handle: files.add(file), keepCache: true };
    } catch (error) {
      file.close();
      throw error;
    }
  };

  return {
    lookup: (parent, name) => then(client.lookup(parent, name), answer),
    getattr: (ino) => then(client.getattr(ino), (inode) => ({ inode, attrValidMs: attrValidMs(inode) })),
    open: (ino) => then(client.open(ino), opened),
    read: (handle, offset, length) => files.get(handle).read(offset, length),
    release(handle) {
      files.remove(handle)?.close();
    },
    ...(openless && { readInode: (ino, offset, length) => inodeFiles.read(ino, offset, length) }),
    opendir(ino) {
      const listing = kept.open(ino);
      const directory = new Directory(client, ino, {
        longestMs,
        ...(listing !== 'apart' && { onPage: (validMs) => kept.learned(ino, validMs) }),
      });
      const close = () => {
        directory.close();
        if (listing !== 'apart') kept.close(ino);
      };
      try {
        return { handle: directories.add({ directory, close }), listing };
      } catch (error) {
        close();
        throw error;
      }
    },
    readdir: (handle, offset, max) => directories.get(handle).directory.read(offset, max),
    releasedir(handle) {
      directories.remove(handle)?.close();
    },
    statfs: () => STATFS,
    ...(xattrs && xattrOperations(client)),
    close() {
      stopListening();
      inodeFiles.close();
    },
  };
}

function xattrOperations(client: Client): Required<Pick<FileSystem, 'getxattr' | 'listxattr'>> {
  return {
    getxattr: (ino, name) =>
      name.startsWith(XATTR_PREFIX)
        ? then(client.getattr(ino), (inode) => {
            const value = xattrsOf(client, inode).get(name);
            return value === undefined ? undefined : Buffer.from(value);
          })
        : undefined,
    listxattr: (ino) => then(client.getattr(ino), (inode) => [...xattrsOf(client, inode).keys()]),
  };
}

const XATTR_PREFIX = 'user.tidecache.';

/** `version` (of a file, at its origin), `dataset` (its path in the tree), `origin` (URI of this file or directory). */
function xattrsOf(client: Client, inode: InodeRecord): Map<string, string> {
  const values = new Map<string, string>();
  if (inode.version !== undefined) values.set(`${XATTR_PREFIX}version`, inode.version);
  const dataset = inode.datasetId === undefined ? undefined : client.dataset(inode.datasetId);
  if (dataset) {
    values.set(`${XATTR_PREFIX}dataset`, dataset.path);
    const uri = dataset.uri.replace(/\/+$/, '');
    values.set(`${XATTR_PREFIX}origin`, inode.key ? `${uri}/${inode.key}` : uri);
  }
  return values;
}

/** `use` of a value that may be there already: no turn of the event loop where it is. */
function then<T, U>(value: MaybePromise<T>, use: (value: T) => U): MaybePromise<U> {
  return value instanceof Promise ? value.then(use) : use(value as T);
}
