/**
 * A process that serves the suite's tree: a mount must not be used by synchronous calls of the process that serves it,
 * and can then be killed. Argument: JSON of ServeInit. Talks over the IPC channel; ends when that closes.
 */
import { type InodeId, MAX_NAME_BYTES } from '@tidecache/protocol';
import type { FileSystem, Mount } from '../../src/index.js';
import { mountFileSystem, type Transport } from '../../src/index.js';
import type { MemoryFileSystem } from '../../src/testing/index.js';
import { suiteFileSystem } from './tree.js';

export interface ServeInit {
  readonly transport: Transport;
  readonly mountPoint: string;
  readonly operationDeadlineMs?: number;
  /** With the large directory. */
  readonly wide?: boolean;
  /** Files are read by their inode, without an open. */
  readonly openless?: boolean;
}

export type ServeRequest =
  | { readonly do: 'unmount' }
  | { readonly do: 'state' }
  /** Gives a path new contents, and tells the kernel or not. */
  | { readonly do: 'replace'; readonly path: string; readonly size: number; readonly notify: boolean }
  /** Answers when something waits in slow/. */
  | { readonly do: 'await-slow' }
  /** Answers what waits in slow/, and from now on at once. */
  | { readonly do: 'end-slow' };

export interface ServerState {
  readonly openFiles: number;
  readonly openDirectories: number;
  readonly heldReads: number;
  readonly ended: boolean;
}

const init = JSON.parse(process.argv[2] ?? '{}') as ServeInit;
const memory = suiteFileSystem(init.wide ?? false, init.openless);
const slowness = slow(memory);
const log: object[] = [];
const logger = {
  debug() {},
  info() {},
  warn: (fields: object, message: string) => void log.push({ ...fields, message }),
  error: (fields: object, message: string) => void log.push({ ...fields, message }),
};

let mount: Mount | undefined;
let ended = false;

try {
  mount = await mountFileSystem({ ...init, fileSystem: slowness.fileSystem, logger });
  void mount.ended.then(() => {
    ended = true;
    process.send?.({ event: 'ended' });
  });
  process.send?.({ event: 'mounted' });
} catch (error) {
  process.send?.({ event: 'failed', message: String(error) });
}

process.on('message', async (request: ServeRequest & { id: number }) => {
  const answer = await handle(request).catch((error: unknown) => ({ error: String(error) }));
  process.send?.({ id: request.id, answer });
});
process.on('disconnect', async () => {
  await mount?.unmount().catch(() => {});
  process.exit(0);
});

async function handle(request: ServeRequest): Promise<unknown> {
  switch (request.do) {
    case 'unmount':
      await mount?.unmount();
      return {};
    case 'state': {
      const { openFiles, openDirectories, heldReads } = memory;
      return { openFiles, openDirectories, heldReads, ended } satisfies ServerState;
    }
    case 'replace': {
      const slash = request.path.lastIndexOf('/');
      const parent = memory.find(request.path.slice(0, Math.max(0, slash)));
      const inode = memory.replace(request.path, request.size);
      if (request.notify) mount?.notifier.invalidateEntry(parent.ino as never, request.path.slice(slash + 1));
      return inode;
    }
    case 'await-slow':
      await slowness.waiting();
      return {};
    case 'end-slow':
      slowness.end();
      return {};
  }
}

/** Reads of slow/read and lookups of slow/never wait; of the others every second answer is a promise. */
function slow(base: MemoryFileSystem): { fileSystem: FileSystem; waiting(): Promise<void>; end(): void } {
  const slowDirectory = base.find('slow').ino;
  const slowFile = base.find('slow/read').ino;
  const slowHandles = new Set<number>();
  const held: (() => void)[] = [];
  let awaiting: (() => void)[] = [];
  let isSlow = true;
  let calls = 0;

  const maybeLater = <T>(value: T): T | Promise<T> => (calls++ % 2 === 0 ? value : Promise.resolve(value));
  const hold = async <T>(value: () => T): Promise<T> => {
    await new Promise<void>((resolve) => {
      held.push(resolve);
      for (const tell of awaiting) tell();
      awaiting = [];
    });
    return value();
  };
  const fileSystem: FileSystem = {
    ...base,
    lookup(parent, name) {
      if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw new Error('the transport lets a long name through');
      if (isSlow && parent === slowDirectory && name === 'never') {
        return hold(() => base.lookup(parent, name) as never);
      }
      return maybeLater(base.lookup(parent, name) as never);
    },
    open(ino) {
      const opened = base.open(ino) as { handle: number; keepCache: boolean };
      if (ino === slowFile) slowHandles.add(opened.handle);
      return maybeLater(opened);
    },
    read(handle, offset, length) {
      if (isSlow && slowHandles.has(handle)) return hold(() => base.read(handle, offset, length) as never);
      return maybeLater(base.read(handle, offset, length) as never);
    },
    ...(base.readInode && {
      readInode: (ino: InodeId, offset: number, length: number) =>
        isSlow && ino === slowFile
          ? hold(() => base.readInode?.(ino, offset, length) as never)
          : maybeLater(base.readInode?.(ino, offset, length) as never),
    }),
    readdir: (handle, offset, max) => maybeLater(base.readdir(handle, offset, max) as never),
  };
  return {
    fileSystem,
    waiting: async () => {
      if (held.length === 0) await new Promise<void>((resolve) => awaiting.push(resolve));
    },
    end() {
      isSlow = false;
      for (const resolve of held.splice(0)) resolve();
    },
  };
}
