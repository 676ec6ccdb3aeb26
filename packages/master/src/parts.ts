/** Makes the master's parts and connects them; what stands behind the two servers. */
import type { Handlers } from '@tidecache/transport';
import type { FastifyInstance } from 'fastify';
import { Reports } from './http/reports.js';
import { createHttp } from './http/server.js';
import { Members } from './members/members.js';
import { createMetrics, type Metrics, observe } from './metrics.js';
import { createHandlers } from './rpc/handlers.js';
import { Subscribers } from './rpc/subscribers.js';
import type { Store } from './store/store.js';
import { Datasets } from './tree/datasets.js';
import { Listings } from './tree/listings.js';
import { Lookup } from './tree/lookup.js';
import { Open } from './tree/open.js';
import { type OpenOrigin, Origins } from './tree/origins.js';
import { Readdir } from './tree/readdir.js';
import { Sweeper } from './tree/sweeper.js';
import { Tree } from './tree/tree.js';
import type { Logger } from './util/logger.js';
import type { Timers } from './util/timers.js';

export interface PartsInit {
  readonly store: Store;
  readonly logger: Logger;
  readonly secret: string;
  readonly now: () => number;
  readonly timers: Timers;
  readonly openOrigin: OpenOrigin;
}

export interface Parts {
  readonly store: Store;
  readonly tree: Tree;
  readonly origins: Origins;
  readonly datasets: Datasets;
  readonly lookup: Lookup;
  readonly open: Open;
  readonly readdir: Readdir;
  readonly members: Members;
  readonly subscribers: Subscribers;
  readonly sweeper: Sweeper;
  readonly metrics: Metrics;
  readonly handlers: Handlers;
  readonly app: FastifyInstance;
}

/** Nothing of it listens yet. */
export function assemble(init: PartsInit): Parts {
  const { store, logger, now, timers } = init;
  const metrics = createMetrics();
  const origins = new Origins(init.openOrigin, metrics, logger);
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
  const lookup = new Lookup(context);
  const open = new Open(context);
  const readdir = new Readdir(context);
  const handlers = createHandlers({
    tree,
    datasets,
    lookup,
    open,
    readdir,
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
  return {
    store,
    tree,
    origins,
    datasets,
    lookup,
    open,
    readdir,
    members,
    subscribers,
    sweeper,
    metrics,
    handlers,
    app,
  };
}
