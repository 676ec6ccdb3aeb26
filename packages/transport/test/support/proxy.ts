import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Address } from '../../src/api.js';

export interface Proxy {
  readonly address: Address;
  /** Breaks every connection through it. */
  cut(): void;
  close(): Promise<void>;
}

type Rewrite = (chunk: Buffer) => Buffer[];

/** Stands between a client and a server; each direction may re-cut or spoil what passes. */
export async function startProxy(target: Address, ways: { up?: Rewrite; down?: Rewrite }): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const pass: Rewrite = (chunk) => [chunk];
  const pump = (from: Socket, to: Socket, rewrite: Rewrite) => {
    from.on('data', (chunk: Buffer) => {
      for (const part of rewrite(chunk)) to.write(part);
    });
    from.on('error', () => {});
    from.on('close', () => to.destroy());
    sockets.add(from);
    from.on('close', () => sockets.delete(from));
  };
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect('unixPath' in target ? { path: target.unixPath } : { ...target, noDelay: true });
    pump(near, far, ways.up ?? pass);
    pump(far, near, ways.down ?? pass);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
