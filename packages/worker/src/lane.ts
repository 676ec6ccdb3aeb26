/** One event loop's worth of a worker: blocks, their fills, and where they are asked for. Shares nothing with others. */
import {
  asTidecacheError,
  type DatasetList,
  type Lane as LaneAddress,
  type Ring,
  TidecacheError,
} from '@tidecache/protocol';
import { createSharedMemory, type OwnedMemory } from '@tidecache/shared-memory';
import { openOrigin } from '@tidecache/storage';
import { type Address, createPeer, listen, realClock, type Server } from '@tidecache/transport';
import type { HostPort, WorkerInit } from './api.js';
import { Counters } from './counters.js';
import {
  CLOSE_GRACE_MS,
  type Limits,
  limitsFor,
  MAX_SCRUB_BYTES_PER_SECOND,
  SCRUB_INTERVAL_MS,
  SCRUB_SECONDS,
  SIGN_OF_LIFE_MS,
} from './limits.js';
import { type Logger, SILENT } from './logger.js';
import { poolBytes } from './memory/pool.js';
import type { Slabs } from './memory/slabs.js';
import { Origins } from './origins.js';
import { Scrub } from './scrub.js';
import { ReadHandler } from './serve/read-handler.js';
import { Neighbours } from './spread/neighbours.js';
import { type LaneStats, statsOf } from './stats.js';
import { BlockStore } from './store.js';

/** Plain values: they cross into a thread. */
export interface LaneInit {
  /** The worker's. */
  readonly id: string;
  /** What it calls itself in its clients' messages. */
  readonly name: string;
  readonly listen: HostPort;
  readonly unixPath?: string | undefined;
  readonly sharedMemoryDir?: string | undefined;
  /** Of this lane. */
  readonly memoryBytes: number;
  readonly secret: string;
  readonly limits?: Partial<Limits> | undefined;
  /** Lanes of the worker: this one takes on its share of what a worker does at once. */
  readonly lanes: number;
  /** Which of them it is. */
  readonly lane: number;
}

export type LaneParts = Pick<WorkerInit, 'logger' | 'openOrigin' | 'clock'>;

/** One lane, or all of a worker's together. */
export interface Lane {
  readonly addresses: readonly LaneAddress[];
  /** The generation of the datasets known; -1 before the first. */
  readonly generation: number;
  /** Takes over the master's list. `restarted`: the master may count its generations anew. */
  update(list: DatasetList, restarted: boolean): void;
  setRing(ring: Ring): void;
  stats(): LaneStats;
  /** Rejects when a lane can't go on. Never resolves. */
  readonly failed: Promise<never>;
  /** Lets requests in flight end for a moment, and frees everything. */
  close(): Promise<void>;
}

/** A lane in this thread. Rejects, with nothing left behind, when an address can't be had or the memory is refused. */
export async function startLane(init: LaneInit, parts: LaneParts): Promise<Lane> {
  const logger: Logger = parts.logger ?? SILENT;
  const clock = parts.clock ?? realClock;
  const shared = await sharedMemory(init, logger);
  const store = new BlockStore(init.memoryBytes, shared && slabsOf(shared));
  const origins = new Origins(parts.openOrigin ?? openOrigin, logger);
  const counters = new Counters();
  const limits = limitsFor(store.pool.capacityBytes, init.limits, init.lanes);
  const neighbours = new Neighbours({
    ...init,
    connect: (address) => createPeer({ address, secret: init.secret, name: init.name }),
  });
  const reads = new ReadHandler({
    ...{ store, origins, neighbours, counters, limits, logger },
    now: () => clock.now(),
    shared: shared?.description,
  });
  const server = await listen({
    addresses: [init.listen, ...(init.unixPath === undefined ? [] : [{ unixPath: init.unixPath }])],
    secret: init.secret,
    name: init.name,
    handler: (exchange) => reads.handle(exchange),
    onTold: (connection, opcode, body) => reads.told(connection, opcode, body),
    onRefused: (error) => logger.warn({ reason: error.message }, 'refused a client'),
  }).catch(async (thrown: unknown) => {
    await shared?.close();
    throw thrown;
  });
  const scrub = new Scrub(store, (block) => reads.quarantine(block));
  const perSecond = Math.min(
    store.pool.capacityBytes / SCRUB_SECONDS,
    MAX_SCRUB_BYTES_PER_SECOND / init.lanes,
  );
  const scrubBytes = (perSecond * SCRUB_INTERVAL_MS) / 1_000;
  const stopScrub = every(SCRUB_INTERVAL_MS, clock, () => void scrub.step(scrubBytes));
  const stopSigns = every(SIGN_OF_LIFE_MS, clock, () => reads.signOfLife());
  const port = portOf(server);
  return {
    addresses: [init.unixPath === undefined ? { port } : { port, unixPath: init.unixPath }],
    get generation() {
      return origins.generation;
    },
    update: (list, restarted) => origins.update(list, restarted),
    setRing: (ring) => neighbours.setRing(ring),
    stats: () => statsOf(store, counters, reads),
    failed: new Promise(() => {}),
    async close() {
      stopScrub();
      stopSigns();
      await server.close(CLOSE_GRACE_MS);
      await reads.filler.close();
      await neighbours.close();
      await origins.close();
      await shared?.close();
    },
  };
}

/** For clients on this host, which are served by the Unix-domain socket's copies where it can't be had. */
async function sharedMemory(init: LaneInit, logger: Logger): Promise<OwnedMemory | undefined> {
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

function portOf(server: Server): number {
  const isTcp = (address: Address): address is HostPort => 'port' in address;
  const tcp = server.addresses.find(isTcp);
  if (!tcp) throw new TidecacheError('INTERNAL', 'the worker listens on no port');
  return tcp.port;
}

/** Runs `work` every `ms`; the answer stops it. */
export function every(ms: number, clock: Pick<typeof realClock, 'after'>, work: () => void): () => void {
  let cancel = clock.after(ms, function again() {
    work();
    cancel = clock.after(ms, again);
  });
  return () => cancel();
}
