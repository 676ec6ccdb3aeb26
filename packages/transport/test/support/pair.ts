import type { Test } from 'tap';
import type { Address, Exchange, Peer, Server } from '../../src/api.js';
import { createPeer, type PeerInit } from '../../src/client/peer.js';
import { type ListenInit, listen } from '../../src/server/listen.js';

export const SECRET = 'a secret for tests';
export const LOOPBACK: Address = { host: '127.0.0.1', port: 0 };

/** A server and whatever dials it, closed when the test ends, however it ends. */
export async function startServer(
  t: Test,
  handler: (exchange: Exchange) => void,
  init: Partial<ListenInit> = {},
): Promise<{ server: Server; address: Address }> {
  const server = await listen({ addresses: [LOOPBACK], secret: SECRET, name: 'server', handler, ...init });
  t.teardown(() => server.close(0));
  return { server, address: server.addresses[0]! };
}

export function dial(t: Test, address: Address, init: Partial<PeerInit> = {}): Peer {
  const peer = createPeer({ address, secret: SECRET, name: 'client', ...init });
  t.teardown(() => peer.close());
  return peer;
}

/** Settles after everything that is already in flight on this machine has had its turn. */
export const turns = async (count = 5): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** A promise and what settles it. */
export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
