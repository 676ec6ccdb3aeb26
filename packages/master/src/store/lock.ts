/**
 * One master per data directory. Each master listens on a socket of its own in the directory, and the store names the
 * owner's. A socket tells the living from the dead without pids (which mean nothing between containers) and without
 * waiting: a dead process's refuses at once. The store's transaction makes the change of owner atomic.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { asTidecacheError, TidecacheError } from '@tidecache/protocol';
import { LOCK_PROBE_MS } from '../limits.js';

export interface Lock {
  release(): Promise<void>;
}

/** The one cell in which the owner's token lives, changed only if it still is what was read. */
export interface OwnerCell {
  read(): string | undefined;
  replace(before: string | undefined, after: string | undefined): boolean;
}

const SOCKET = /^master-[0-9a-f]{16}\.sock$/;
const socketName = (token: string) => `master-${token}.sock`;

/** Throws ALREADY_EXISTS when a living master owns the directory. */
export async function takeLock(dataDir: string, owner: OwnerCell): Promise<Lock> {
  const token = randomBytes(8).toString('hex');
  // Through a descriptor: a socket's path may have 107 bytes, and a data directory's may be longer.
  const directory = openSync(dataDir, 'r');
  const pathOf = (name: string) => `/proc/self/fd/${directory}/${name}`;
  const server = createServer((socket) => socket.destroy());
  server.unref();
  try {
    await listenOn(server, pathOf(socketName(token)), dataDir);
    for (;;) {
      const before = owner.read();
      if (before !== undefined && (await lives(pathOf(socketName(before))))) throw locked(dataDir);
      if (owner.replace(before, token)) break;
    }
  } catch (thrown) {
    await close(server);
    closeSync(directory);
    throw thrown;
  }
  // Sockets of masters that were killed. A living one's can't be here but for a moment's loser: it has lost anyway.
  for (const name of readdirSync(dataDir)) {
    if (SOCKET.test(name) && name !== socketName(token)) rmSync(join(dataDir, name), { force: true });
  }
  return {
    async release() {
      try {
        owner.replace(token, undefined);
      } catch {
        // A full disk. The name stays, but its socket will not answer: as after a crash.
      }
      await close(server);
      closeSync(directory);
    },
  };
}

const locked = (dataDir: string) =>
  new TidecacheError(
    'ALREADY_EXISTS',
    `cannot open the master's data in ${dataDir}: another master is using it (stop it, or choose another data directory)`,
  );

function listenOn(server: Server, path: string, dataDir: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        asTidecacheError(cause, 'INVALID', `cannot lock ${dataDir} by a socket in it (use a local disk)`),
      ),
    );
    server.listen(path, resolve);
  });
}

/** Whether somebody accepts connections there. Silence is life: better to refuse than to share a directory. */
function lives(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const answer = (alive: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(alive);
    };
    const timer = setTimeout(() => answer(true), LOCK_PROBE_MS);
    socket.once('connect', () => answer(true));
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      answer(code !== 'ECONNREFUSED' && code !== 'ENOENT'),
    );
  });
}

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => (server.listening ? server.close(() => resolve()) : resolve()));
