/** Wires a worker's parts together, and takes them apart again in the opposite order. */
import { randomUUID } from 'node:crypto';
import { asTidecacheError, TidecacheError, type WorkerStats } from '@tidecache/protocol';
import { createSharedMemory, type OwnedMemory } from '@tidecache/shared-memory';
import { openOrigin } from '@tidecache/storage';
import { type Address, createPeer, hostId, listen, realClock, type Server } from '@tidecache/transport';
import { advertisedHost } from './advertise.js';
import type { HostPort, Worker, WorkerInit } from './api.js';
import { Counters } from './counters.js';
import { type HttpServer, startHttp } from './http.js';
import {
  CLOSE_GRACE_MS,
  limitsFor,
  SCRUB_BYTES_PER_SECOND,
  SCRUB_INTERVAL_MS,
  START_DEADLINE_MS,
} from './limits.js';
import { type Logger, SILENT } from './logger.js';
import { Membership } from './membership.js';
import { poolBytes } from './memory/pool.js';
import type { Slabs } from './memory/slabs.js';
import { createMetrics } from './metrics.js';
import { Origins } from './origins.js';
import { Scrub } from './scrub.js';
import { ReadHandler } from './serve/read-handler.js';
import { Neighbours } from './spread/neighbours.js';
import { BlockStore } from './store.js';

/**
 * Resolves when the worker serves and is in the ring. Rejects, with nothing left behind, when an address can't be
 * had, the memory is too small or refused, the master refuses (wrong secret, other release, clock), or no master
 * answers in time.
 */
export async function startWorker(init: WorkerInit): Promise<Worker> {
  const logger = init.logger ?? SILENT;
  const clock = init.clock ?? realClock;
  const id = init.id ?? randomUUID();
  const closers: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };

  try {
    const shared = await sharedMemory(init, logger);
    if (shared) closers.push(() => shared.close());
    const store = new BlockStore(init.memoryBytes, shared && slabsOf(shared));
    const memoryBytes = store.pool.capacityBytes;
    const origins = new Origins(init.openOrigin ?? openOrigin, logger);
    closers.push(() => origins.close());
    const counters = new Counters();
    const limits = limitsFor(memoryBytes, init.limits);
    const connect = (address: Address) => createPeer({ address, secret: init.secret, name: `worker ${id}` });
    const neighbours = new Neighbours({ id, connect });
    closers.push(() => neighbours.close());
    const reads = new ReadHandler({
      ...{ store, origins, neighbours, counters, limits, logger },
      now: () => clock.now(),
      shared: shared?.description,
    });
    closers.push(() => reads.filler.close());

    const server = await listen({
      addresses: [init.listen, ...(init.unixPath === undefined ? [] : [{ unixPath: init.unixPath }])],
      secret: init.secret,
      name: `worker ${id}`,
      handler: (exchange) => reads.handle(exchange),
      onTold: (connection, opcode, body) => reads.told(connection, opcode, body),
      onRefused: (error) => logger.warn({ reason: error.message }, 'refused a client'),
    });
    closers.push(() => server.close(CLOSE_GRACE_MS));
    const host = await advertisedHost(init.advertiseHost, init.listen.host, init.master);
    const address: HostPort = { host, port: portOf(server) };

    const stats = (): WorkerStats => statsOf(store, counters, reads);
    const membership = new Membership({
      connect: (events) =>
        createPeer({ address: init.master, secret: init.secret, name: `worker ${id}`, events }),
      member: {
        id,
        ...address,
        ...(init.unixPath !== undefined && { unixPath: init.unixPath }),
        hostId: hostId(),
        weight: memoryBytes,
      },
      stats,
      onDatasets: (list, restarted) => origins.update(list, restarted),
      onRing: (ring) => neighbours.setRing(ring),
      generation: () => origins.generation,
      clock,
      now: init.now ?? Date.now,
      logger,
      startDeadlineMs: init.startDeadlineMs ?? START_DEADLINE_MS,
    });
    closers.push(() => membership.close());

    let http: HttpServer | undefined;
    if (init.http) {
      const isReady = () => membership.registered;
      const metrics = createMetrics({ store, counters, reads, isRegistered: isReady });
      http = await startHttp({ address: init.http, metrics, isReady });
      closers.push(http.close);
    }
    const scrub = new Scrub(store, (block) => reads.quarantine(block));
    closers.push(every(SCRUB_INTERVAL_MS, clock, () => void scrub.step(SCRUB_STEP_BYTES)));

    await membership.join();
    return { id, address, ...(http && { http: http.address }), stats, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const SCRUB_STEP_BYTES = (SCRUB_BYTES_PER_SECOND * SCRUB_INTERVAL_MS) / 1_000;

/** For clients on this host, which are served by the Unix-domain socket's copies where it can't be had. */
async function sharedMemory(init: WorkerInit, logger: Logger): Promise<OwnedMemory | undefined> {
  const { unixPath, sharedMemoryDir, memoryBytes } = init;
  if (unixPath === undefined || sharedMemoryDir === undefined) return undefined;
  const capacityBytes = poolBytes(memoryBytes);
  try {
    return await createSharedMemory({ dir: sharedMemoryDir, socketPath: unixPath, capacityBytes });
  } catch (thrown) {
    const error = asTidecacheError(thrown);
    logger.info({ dir: sharedMemoryDir }, error.message);
    return undefined;
  }
}

function slabsOf({ slabBytes, slabs, back }: OwnedMemory): Slabs {
  const buffers = slabs.map(({ buffer, byteOffset, length }) => Buffer.from(buffer, byteOffset, length));
  return { slabBytes, buffers, back };
}

function statsOf(store: BlockStore, counters: Counters, reads: ReadHandler): WorkerStats {
  return {
    usedBytes: store.pool.usedBytes,
    blocks: store.size,
    hits: counters.hits,
    misses: counters.misses,
    servedBytes: counters.servedBytes,
    filledBytes: reads.filler.filledBytes,
    copiedBytes: reads.filler.copiedBytes,
    evictions: store.evictions,
    busy: counters.busy,
    corrupt: counters.corrupt,
  };
}

function portOf(server: Server): number {
  const isTcp = (address: Address): address is HostPort => 'port' in address;
  const tcp = server.addresses.find(isTcp);
  if (!tcp) throw new TidecacheError('INTERNAL', 'the worker listens on no port');
  return tcp.port;
}

/** Runs `work` every `ms`; the answer stops it. */
function every(ms: number, clock: Pick<typeof realClock, 'after'>, work: () => void): () => void {
  let cancel = clock.after(ms, function again() {
    work();
    cancel = clock.after(ms, again);
  });
  return () => cancel();
}
