import { type InodeId, type InodeRecord, ROOT_INODE, TidecacheError } from '@tidecache/protocol';
import type { DirectoryEntry, FileSystem, LookupAnswer, ReadAnswer } from '../file-system.js';
import { HandleTable } from '../handles.js';
import { patternBytes } from './pattern.js';

/** A tree to serve: directories are objects, files are sizes (their bytes are a pattern) or bytes. */
export interface Tree {
  readonly [name: string]: Tree | number | Uint8Array;
}

interface Node {
  readonly inode: InodeRecord;
  readonly children?: Map<string, Node>;
  readonly bytes?: Uint8Array;
}

/** A listing as it was when it began, and what is there now. */
interface OpenDirectory {
  readonly children: ReadonlyMap<string, Node>;
  readonly listing: readonly (readonly [string, Node])[];
}

export interface MemoryFileSystem extends FileSystem {
  /** The inode of a path. Throws NOT_FOUND. */
  find(path: string): InodeRecord;
  /** The bytes that a reader must get of a file, as far as the file has them. */
  expected(ino: number, offset: number, length: number): Buffer;
  /** Gives a path a new inode, as when its object changed; the old one can't be opened any more. */
  replace(path: string, content: number | Uint8Array): InodeRecord;
  /** Takes a name away. */
  remove(path: string): void;
  readonly openFiles: number;
  readonly openDirectories: number;
  /** Answers of reads that were not given back. */
  readonly heldReads: number;
}

export interface MemoryOptions {
  readonly entryValidMs?: number;
  /** Files can be read by their inode, without an open. */
  readonly openless?: boolean;
  /** None without it. */
  readonly xattrs?: (inode: InodeRecord) => Readonly<Record<string, string>>;
}

/** A FileSystem without a cluster. Strict: what is released twice, or not open, is an error. */
export function memoryFileSystem(tree: Tree, options: MemoryOptions = {}): MemoryFileSystem {
  const nodes = new Map<number, Node>();
  const files = new HandleTable<Node>('file');
  const directories = new HandleTable<OpenDirectory>('directory');
  const entryValidMs = options.entryValidMs ?? 60_000;
  let lastIno: number = ROOT_INODE - 1;
  let heldReads = 0;

  function add(content: Tree | number | Uint8Array): Node {
    const ino = ++lastIno;
    const isFile = typeof content === 'number' || content instanceof Uint8Array;
    const node: Node = isFile
      ? {
          inode: {
            ino,
            kind: 'file',
            size: sizeOf(content),
            mtimeMs: 1_700_000_000_123,
            mode: 0o644,
            version: `v${ino}`,
          },
          ...(typeof content === 'number' ? {} : { bytes: content }),
        }
      : {
          inode: { ino, kind: 'directory', size: 0, mtimeMs: 1_700_000_000_123, mode: 0o755 },
          children: new Map(),
        };
    nodes.set(ino, node);
    if (!isFile) for (const [name, child] of Object.entries(content)) node.children?.set(name, add(child));
    return node;
  }

  const get = (ino: number): Node => {
    const node = nodes.get(ino);
    if (!node) throw new TidecacheError('STALE', `inode ${ino} is gone`);
    return node;
  };
  const child = (parent: Node, name: string): Node => {
    if (!parent.children) throw new TidecacheError('NOT_A_DIRECTORY', `${parent.inode.ino} is a file`);
    const found = parent.children.get(name);
    if (!found) throw new TidecacheError('NOT_FOUND', `no ${JSON.stringify(name)}`);
    return found;
  };
  const walk = (path: string): Node =>
    path.split('/').reduce((node, name) => (name === '' ? node : child(node, name)), get(ROOT_INODE));
  const entry = (node: Node): LookupAnswer => ({
    inode: node.inode,
    entryValidMs,
    attrValidMs: entryValidMs,
  });
  const parentOf = (path: string): [Node, string] => {
    const cut = path.lastIndexOf('/');
    return [walk(path.slice(0, Math.max(0, cut))), path.slice(cut + 1)];
  };
  const bytesOf = (node: Node, offset: number, length: number): Buffer => {
    const bytes = Math.max(0, Math.min(length, node.inode.size - offset));
    if (node.bytes) return Buffer.from(node.bytes.subarray(offset, offset + bytes));
    return patternBytes(node.inode.ino, offset, bytes);
  };
  const { xattrs } = options;

  const answer = (bytes: Buffer): ReadAnswer => {
    let held = true;
    heldReads++;
    // In two parts, so that transports must put them together.
    const cut = bytes.length >>> 1;
    return {
      parts: [bytes.subarray(0, cut), bytes.subarray(cut)],
      bytes: bytes.length,
      release() {
        if (!held) throw new Error('a read was released twice');
        held = false;
        heldReads--;
      },
    };
  };

  add(tree);
  return {
    lookup: (parent, name) => entry(child(get(parent), name)),
    getattr: (ino) => ({ inode: get(ino).inode, attrValidMs: entryValidMs }),
    open(ino) {
      const node = get(ino);
      if (node.children) throw new TidecacheError('IS_A_DIRECTORY', `${ino} is a directory`);
      return { handle: files.add(node), keepCache: true };
    },
    read: (handle, offset, length) => answer(bytesOf(files.get(handle), offset, length)),
    ...(options.openless && {
      readInode: (ino: InodeId, offset: number, length: number) => answer(bytesOf(get(ino), offset, length)),
    }),
    release(handle) {
      if (!files.remove(handle)) throw new Error(`file ${handle} was released twice`);
    },
    opendir(ino) {
      const { children } = get(ino);
      if (!children) throw new TidecacheError('NOT_A_DIRECTORY', `${ino} is a file`);
      return { handle: directories.add({ children, listing: [...children] }) };
    },
    readdir(handle, offset, max) {
      const { children, listing } = directories.get(handle);
      return listing.slice(offset, offset + max).map(([name, node]): DirectoryEntry => {
        const { inode, entryValidMs, attrValidMs } = entry(node);
        return { name, inode, entryValidMs: children.get(name) === node ? entryValidMs : 0, attrValidMs };
      });
    },
    releasedir(handle) {
      if (!directories.remove(handle)) throw new Error(`directory ${handle} was released twice`);
    },
    statfs: () => ({ blockSize: 4096, blocks: 1000, files: nodes.size, maxNameBytes: 255 }),
    ...(xattrs && {
      getxattr(ino: InodeId, name: string) {
        const value = xattrs(get(ino).inode)[name];
        return value === undefined ? undefined : Buffer.from(value);
      },
      listxattr: (ino: InodeId) => Object.keys(xattrs(get(ino).inode)),
    }),

    find: (path) => walk(path).inode,
    expected: (ino, offset, length) => bytesOf(get(ino), offset, length),
    replace(path, content) {
      const [parent, name] = parentOf(path);
      nodes.delete(child(parent, name).inode.ino);
      const made = add(content);
      parent.children?.set(name, made);
      return made.inode;
    },
    remove(path) {
      const [parent, name] = parentOf(path);
      nodes.delete(child(parent, name).inode.ino);
      parent.children?.delete(name);
    },
    get openFiles() {
      return files.size;
    },
    get openDirectories() {
      return directories.size;
    },
    get heldReads() {
      return heldReads;
    },
  };
}

const sizeOf = (content: number | Uint8Array): number =>
  typeof content === 'number' ? content : content.length;
