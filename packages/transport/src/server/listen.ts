/** Accepts connections on any number of addresses, within bounds, and ends them in good order. */
import { lstatSync, unlinkSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server as NetServer, type Socket } from 'node:net';
import { asTidecacheError, type ErrorCode, TidecacheError } from '@tidecache/protocol';
import { addressText, checkAddress } from '../address.js';
import type { Address, Exchange, Server, ServerConnection } from '../api.js';
import { type Clock, realClock } from '../clock.js';
import { checkSecret } from '../handshake.js';
import { KEEP_ALIVE_MS, SCRATCH_BYTES, SERVER_LIMITS, type ServerLimits } from '../limits.js';
import { TimerWheel } from '../timer-wheel.js';
import { Link, type LinkOwner } from './connection.js';

export interface ListenInit {
  /** Port 0 takes any free one. */
  readonly addresses: readonly Address[];
  readonly secret: string;
  /** What this server calls itself in its clients' messages. */
  readonly name: string;
  /** Called for each request. What it throws is answered as INTERNAL. */
  handler(exchange: Exchange): void;
  /** A message without a reply. `body` is valid until it returns; what it throws ends the connection. */
  onTold?(connection: ServerConnection, opcode: number, body: Buffer): void;
  /** A client has proved the secret. */
  onConnection?(connection: ServerConnection): void;
  /** This side ended a connection: wrong secret, other release, broken frames, a client that takes nothing. */
  onRefused?(error: TidecacheError): void;
  readonly limits?: Partial<ServerLimits>;
  readonly clock?: Clock;
  /** Another release than our own, in tests. */
  readonly release?: string;
}

/** Rejects when an address can't be had, naming it and why; then none is kept. */
export async function listen(init: ListenInit): Promise<Server> {
  checkSecret(init.secret);
  for (const address of init.addresses) checkAddress(address, 0);
  const acceptor = new Acceptor(init);
  const servers: NetServer[] = [];
  const addresses: Address[] = [];
  try {
    for (const address of init.addresses) {
      const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
      server.on('connection', (socket) => acceptor.accept(socket, address));
      addresses.push(await bind(server, address));
      servers.push(server);
    }
  } catch (thrown) {
    await Promise.all(servers.map(stop));
    throw thrown;
  }
  return {
    addresses,
    close: async (graceMs) => {
      const stopped = servers.map(stop);
      await acceptor.end(graceMs);
      await Promise.all(stopped);
    },
  };
}

class Acceptor implements LinkOwner {
  readonly #init: ListenInit;
  readonly #limits: ServerLimits;
  readonly #clock: Clock;
  readonly #wheel: TimerWheel;
  readonly #links = new Set<Link>();
  readonly #received = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  #unproved = 0;
  #allClosed: (() => void) | undefined;

  constructor(init: ListenInit) {
    this.#init = init;
    this.#limits = { ...SERVER_LIMITS, ...init.limits };
    this.#clock = init.clock ?? realClock;
    this.#wheel = new TimerWheel(this.#clock);
  }

  accept(socket: Socket, address: Address): void {
    const where = remoteText(socket, address);
    const { connections, handshakes } = this.#limits;
    if (this.#links.size >= connections || this.#unproved >= handshakes || this.#allClosed) {
      socket.on('error', () => {});
      socket.destroy();
      this.refused(
        new TidecacheError('BUSY', `${where}: refused, ${this.#links.size} connections are open already`),
      );
      return;
    }
    const { secret, name, release } = this.#init;
    this.#unproved++;
    this.#links.add(
      new Link({
        socket,
        received: this.#received,
        where,
        secret,
        name,
        release,
        clock: this.#clock,
        wheel: this.#wheel,
        limits: this.#limits,
        owner: this,
      }),
    );
  }

  proved(link: Link): void {
    this.#unproved--;
    this.#init.onConnection?.(link);
  }

  handle(exchange: Exchange): void {
    try {
      this.#init.handler(exchange);
    } catch (thrown) {
      exchange.fail(asTidecacheError(thrown));
    }
  }

  told(link: Link, opcode: number, body: Buffer): void {
    this.#init.onTold?.(link, opcode, body);
  }

  refused(error: TidecacheError): void {
    this.#init.onRefused?.(error);
  }

  closed(link: Link): void {
    if (!this.#links.delete(link)) return;
    if (!link.proved) this.#unproved--;
    if (this.#links.size === 0) this.#allClosed?.();
  }

  /** Lets requests in flight end for at most `graceMs`. */
  async end(graceMs = this.#limits.closeGraceMs): Promise<void> {
    const allClosed = new Promise<void>((resolve) => {
      this.#allClosed = resolve;
    });
    if (this.#links.size === 0) return;
    for (const link of [...this.#links]) link.leave();
    const disarm = this.#clock.after(graceMs, () => {
      for (const link of [...this.#links]) link.abort();
    });
    await allClosed;
    disarm();
  }
}

function bind(server: NetServer, address: Address): Promise<Address> {
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => reject(cannotListen(address, cause));
    server.once('error', fail);
    const listening = () => {
      server.off('error', fail);
      // Nobody hears an accept that failed (EMFILE): the client sees it as a connection that ends.
      server.on('error', () => {});
      const bound = server.address() as AddressInfo;
      resolve('unixPath' in address ? address : { host: address.host, port: bound.port });
    };
    if ('unixPath' in address) {
      void removeDeadSocket(address.unixPath).then(() => server.listen(address.unixPath, listening), fail);
    } else {
      server.listen(address.port, address.host, listening);
    }
  });
}

/** A process that was killed leaves its socket's file behind. It is removed when nobody answers on it. */
async function removeDeadSocket(path: string): Promise<void> {
  try {
    if (!lstatSync(path).isSocket()) return;
  } catch {
    return;
  }
  const dead = await new Promise<boolean>((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => resolve(false));
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
    probe.once('connect', () => probe.destroy());
  });
  if (dead) unlinkSync(path);
}

function cannotListen(address: Address, cause: NodeJS.ErrnoException): TidecacheError {
  const [code, why] = LISTEN_FAILURES[cause.code ?? ''] ?? ['INVALID', cause.message];
  return new TidecacheError(code, `cannot listen on ${addressText(address)}: ${why} (${cause.code})`, {
    cause,
  });
}

const LISTEN_FAILURES: Record<string, [ErrorCode, string]> = {
  EADDRINUSE: ['ALREADY_EXISTS', 'another process listens there, choose another port or stop it'],
  EACCES: ['ACCESS_DENIED', 'this user may not, choose a port above 1023 or another path'],
  EADDRNOTAVAIL: ['INVALID', 'this host has no such address'],
  ENOTFOUND: ['NOT_FOUND', 'no such host name'],
};

const stop = (server: NetServer) => new Promise<void>((resolve) => server.close(() => resolve()));

function remoteText(socket: Socket, address: Address): string {
  if ('unixPath' in address) return addressText(address);
  return addressText({ host: socket.remoteAddress ?? 'unknown', port: socket.remotePort ?? 0 });
}
