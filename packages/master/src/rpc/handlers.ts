/** The master's operations, as the wire asks for them. */
import {
  asTidecacheError,
  HEARTBEAT_MS,
  LEASE_MS,
  type OpcodeName,
  type ReplyOf,
  type RequestOf,
} from '@tidecache/protocol';
import { type Exchange, type Handlers, pushTo } from '@tidecache/transport';
import { checkRelease } from '../members/admission.js';
import type { Members } from '../members/members.js';
import type { Metrics } from '../metrics.js';
import type { Datasets } from '../tree/datasets.js';
import type { Lookup } from '../tree/lookup.js';
import type { Open } from '../tree/open.js';
import type { Readdir } from '../tree/readdir.js';
import { recordOf } from '../tree/records.js';
import type { Tree } from '../tree/tree.js';
import type { Logger } from '../util/logger.js';
import type { Subscribers } from './subscribers.js';

export interface HandlersInit {
  readonly tree: Tree;
  readonly datasets: Datasets;
  readonly lookup: Lookup;
  readonly open: Open;
  readonly readdir: Readdir;
  readonly members: Members;
  readonly subscribers: Subscribers;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

export function createHandlers(init: HandlersInit): Handlers {
  const { tree, datasets, lookup, open, readdir, members, subscribers, metrics, logger } = init;

  /** Counts answers by their result, and logs the bugs. */
  const counted =
    <N extends OpcodeName>(
      operation: N,
      run: (request: RequestOf<N>, exchange: Exchange) => ReplyOf<N> | Promise<ReplyOf<N>>,
    ) =>
    async (request: RequestOf<N>, exchange: Exchange): Promise<ReplyOf<N>> => {
      try {
        const reply = await run(request, exchange);
        metrics.requests.inc({ operation, code: 'OK' });
        return reply;
      } catch (thrown) {
        const error = asTidecacheError(thrown, 'INTERNAL', operation);
        metrics.requests.inc({ operation, code: error.code });
        if (error.code === 'INTERNAL') logger.error({ error: thrown, operation }, 'a request failed');
        throw error;
      }
    };

  return {
    ATTACH: counted('ATTACH', ({ name, release }, { connection }) => {
      checkRelease(release, `client ${name}`);
      subscribers.add(connection, { kind: 'client', name });
      return { clusterId: tree.store.clusterId, ring: members.ring, datasets: datasets.list() };
    }),
    LOOKUP: counted('LOOKUP', ({ parent, name }) => lookup.lookup(parent, name)),
    GETATTR: counted('GETATTR', ({ ino }) => ({ inode: recordOf(tree.require(ino), datasets) })),
    READDIR: counted('READDIR', ({ ino, after, limit }, exchange) =>
      readdir.readdir({ ino, after, limit, isAbandoned: () => exchange.abandoned }),
    ),
    OPEN: counted('OPEN', async ({ ino }) => ({ inode: await open.open(ino) })),
    STALE: counted('STALE', async ({ ino }, { connection }) => {
      const news = await open.stale(ino);
      if (news) subscribers.invalidateFor(connection, news);
      return undefined;
    }),
    REGISTER: counted('REGISTER', (request, { connection }) => {
      subscribers.add(connection, { kind: 'worker', name: request.member.id });
      members.register(request, connection);
      // Also when it's the ring of before, as after a lost connection.
      pushTo(connection, 'RING', members.ring);
      return {
        clusterId: tree.store.clusterId,
        leaseMs: LEASE_MS,
        heartbeatMs: HEARTBEAT_MS,
        datasets: datasets.list(),
      };
    }),
    HEARTBEAT: counted('HEARTBEAT', ({ workerId, stats }, { connection }) => {
      members.heartbeat(workerId, stats, connection);
      // Dialled again within its lease: it may have missed a push.
      if (subscribers.add(connection, { kind: 'worker', name: workerId })) {
        pushTo(connection, 'DATASETS', datasets.list());
        pushTo(connection, 'RING', members.ring);
      }
      return { epoch: members.ring.epoch, generation: datasets.list().generation };
    }),
    LEAVE: counted('LEAVE', ({ workerId }) => {
      members.leave(workerId);
      return undefined;
    }),
  };
}
