/** Wires the master's parts together. */
import { openOrigin } from '@tidecache/storage';
import { type Address, listen, type Server, serve } from '@tidecache/transport';
import { listenError, listenHttp } from './http/server.js';
import { CLOSE_GRACE_MS } from './limits.js';
import { assemble, type Parts } from './parts.js';
import { Store } from './store/store.js';
import type { OpenOrigin } from './tree/origins.js';
import { type Logger, silentLogger } from './util/logger.js';
import { realTimers, type Timers } from './util/timers.js';

export interface Endpoint {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

export interface MasterInit {
  /** Where LMDB lives; made when it is not there. One master at a time. */
  readonly dataDir: string;
  readonly listen: Endpoint;
  readonly http: Endpoint;
  /** The cluster's: peers prove it, and the HTTP token follows from it. */
  readonly secret: string;
  readonly logger?: Logger;
  /** The time of day in milliseconds. */
  readonly now?: () => number;
  readonly timers?: Timers;
  readonly openOrigin?: OpenOrigin;
}

export interface Master {
  /** Where it really listens. */
  readonly rpc: Endpoint;
  readonly http: Endpoint;
  /** Stops accepting, ends what is in flight, closes the store. Nothing is left behind. */
  close(): Promise<void>;
}

/**
 * Opens the state, serves. Throws a TidecacheError that names the directory or port, why, and the fix; nothing stays
 * open then.
 */
export async function startMaster(init: MasterInit): Promise<Master> {
  const logger = init.logger ?? silentLogger;
  const store = await Store.open(init.dataDir, init.timers ?? realTimers);
  let parts: Parts | undefined;
  let server: Server | undefined;
  const close = async () => {
    // First: the connections that end now are no reason to take workers off the ring.
    parts?.members.close();
    parts?.sweeper.stop();
    await server?.close(CLOSE_GRACE_MS);
    await parts?.app.close();
    await parts?.origins.closeAll();
    await store.close();
  };
  try {
    parts = assemble({
      store,
      logger,
      secret: init.secret,
      now: init.now ?? Date.now,
      timers: init.timers ?? realTimers,
      openOrigin: init.openOrigin ?? openOrigin,
    });
    const http = await listenHttp(parts.app, init.http);
    server = await listenRpc(init, serve(parts.handlers));
    const rpc = boundTo(server.addresses, init.listen);
    logger.info({ rpc, http, dataDir: init.dataDir, clusterId: store.clusterId }, 'master is up');
    let closing: Promise<void> | undefined;
    return { rpc, http, close: () => (closing ??= close()) };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

async function listenRpc(init: MasterInit, handler: ReturnType<typeof serve>): Promise<Server> {
  const { host, port } = init.listen;
  try {
    return await listen({ addresses: [init.listen], secret: init.secret, name: 'master', handler });
  } catch (cause) {
    throw listenError(cause, 'peers', host, port);
  }
}

function boundTo(addresses: readonly Address[], wanted: Endpoint): Endpoint {
  for (const address of addresses) if ('port' in address) return { host: wanted.host, port: address.port };
  return wanted;
}
