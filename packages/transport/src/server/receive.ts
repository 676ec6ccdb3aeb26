/**
 * Receives from an accepted connection into memory that many share: a server parses what came before it reads on, and
 * a fresh buffer and a turn of the stream machinery for each read, which 'data' events cost, are as much as the parsing.
 *
 * `onread` is an option of dialled sockets alone: net.Server makes its sockets itself. But a socket is its handle, so
 * the handle is moved to a socket that is made with the option. Where handles are not as in Node 20 to 24, 'data' it is.
 */
import { Socket, type SocketConstructorOpts } from 'node:net';

/** The part of libuv's stream handle that tells that it can be told where to read to. */
interface Handle {
  useUserBuffer(buffer: Uint8Array): void;
}

interface HandleOwner {
  _handle: Partial<Handle> | null | undefined;
}

/**
 * The socket to use instead of `accepted`. `take` is called with what came, which the next read of any connection
 * overwrites. `into` is filled by each read anew.
 */
export function receive(accepted: Socket, into: Buffer, take: (bytes: Buffer) => void): Socket {
  const owner = accepted as unknown as HandleOwner;
  const handle = owner._handle;
  if (typeof handle?.useUserBuffer !== 'function') return accepted.on('data', take);
  const onread = {
    buffer: into,
    callback: (bytes: number): boolean => {
      take(into.subarray(0, bytes));
      return true;
    },
  };
  const socket = new Socket({ handle, onread } as unknown as SocketConstructorOpts);
  // The server counts it as closed; it has no handle that it could close.
  owner._handle = null;
  accepted.destroy();
  return socket;
}
