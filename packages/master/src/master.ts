/** Wires the master's parts together. */
import { openOrigin } from '@tidecache/storage';
import { type Address, listen, type Server, serve } from '@tidecache/transport';
import type { FastifyInstance } from 'fastify';
import { Reports } from './http/reports.js';
import { createHttp, listenError, listenHttp } from './http/server.js';
import { CLOSE_GRACE_MS } from './limits.js';
import { Members } from './members/members.js';
import { createMetrics, type Metrics, observe } from './metrics.js';
import { createHandlers } from './rpc/handlers.js';
import { Subscribers } from './rpc/subscribers.js';
import { Store } from './store/store.js';
import { Datasets } from './tree/datasets.js';
import { Listings } from './tree/listings.js';
import { Lookup } from './tree/lookup.js';
import { Open } from './tree/open.js';
import { type OpenOrigin, Origins } from './tree/origins.js';
import { Readdir } from './tree/readdir.js';
import { Sweeper } from './tree/sweeper.js';
import { Tree } from './tree/tree.js';
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

/** Everything behind the two servers. */
interface Parts {
  readonly store: Store;
  readonly origins: Origins;
  readonly members: Members;
  readonly sweeper: Sweeper;
  readonly metrics: Metrics;
  readonly handler: ReturnType<typeof serve>;
  readonly app: FastifyInstance;
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
    await server?.close(CLOSE_GRACE_MS);
    await parts?.app.close();
    parts?.members.close();
    parts?.sweeper.stop();
    await parts?.origins.closeAll();
    await store.close();
  };
  try {
    parts = assemble(init, store, logger);
    const http = await listenHttp(parts.app, init.http);
    server = await listenRpc(init, parts.handler);
    const rpc = boundTo(server.addresses, init.listen);
    logger.info({ rpc, http, dataDir: init.dataDir, clusterId: store.clusterId }, 'master is up');
    let closing: Promise<void> | undefined;
    return { rpc, http, close: () => (closing ??= close()) };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

function assemble(init: MasterInit, store: Store, logger: Logger): Parts {
  const now = init.now ?? Date.now;
  const timers = init.timers ?? realTimers;
  const metrics = createMetrics();
  const origins = new Origins(init.openOrigin ?? openOrigin, metrics, logger);
  const subscribers = new Subscribers(metrics, (connection) => members.disconnected(connection));
  const tree = new Tree({
    store,
    now,
    onInvalidate: (invalidation) => subscribers.invalidate(invalidation),
    onSweep: () => sweeper.kick(),
  });
  const sweeper = new Sweeper(tree, timers, logger);
  const datasets = new Datasets(tree, origins, (list) => subscribers.datasets(list));
  const members = new Members({
    store,
    now,
    timers,
    logger,
    onRing: (ring) => subscribers.ring(ring),
    onLeaseLost: () => metrics.leasesLost.inc(),
  });
  const listings = new Listings(tree, origins, metrics, logger);
  const context = { tree, datasets, origins, listings, metrics };
  const handlers = createHandlers({
    tree,
    datasets,
    lookup: new Lookup(context),
    open: new Open(context),
    readdir: new Readdir(context),
    members,
    subscribers,
    metrics,
    logger,
  });
  observe(metrics, {
    clients: () => subscribers.clients().length,
    workers: () => members.size,
    epoch: () => members.ring.epoch,
    datasets: () => datasets.size,
    listings: () => listings.size,
  });
  const reports = new Reports({ tree, datasets, members, subscribers, startedMs: now() });
  const app = createHttp({ secret: init.secret, datasets, members, reports, metrics, logger });
  return { store, origins, members, sweeper, metrics, handler: serve(handlers), app };
}

async function listenRpc(init: MasterInit, handler: Parts['handler']): Promise<Server> {
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
