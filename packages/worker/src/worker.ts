/** Wires a worker's parts together, and takes them apart again in the opposite order. */
import { randomUUID } from 'node:crypto';
import { createPeer, hostId, realClock } from '@tidecache/transport';
import { advertisedHost } from './advertise.js';
import type { HostPort, Worker, WorkerInit } from './api.js';
import { type HttpServer, startHttp } from './http.js';
import type { Lane } from './lane.js';
import { START_DEADLINE_MS } from './limits.js';
import { SILENT } from './logger.js';
import { Membership } from './membership.js';
import { createMetrics } from './metrics.js';
import { startLanes } from './threads/lanes.js';

/**
 * Resolves when the worker serves and is in the ring. Rejects, with nothing left behind, when an address can't be
 * had, the memory is too small or refused, the master refuses (wrong secret, other release, clock), or no master
 * answers in time.
 */
export async function startWorker(init: WorkerInit): Promise<Worker> {
  const logger = init.logger ?? SILENT;
  const id = init.id ?? randomUUID();
  const closers: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };

  try {
    const lanes = await startLanes(init, id);
    closers.push(() => lanes.close());
    const host = await advertisedHost(init.advertiseHost, init.listen.host, init.master);
    const addresses = lanes.addresses.map(({ port }): HostPort => ({ host, port }));

    const membership = new Membership({
      connect: (events) =>
        createPeer({ address: init.master, secret: init.secret, name: `worker ${id}`, events }),
      member: {
        id,
        host,
        ...reached(lanes),
        hostId: hostId(),
        weight: lanes.stats().more.capacityBytes,
      },
      stats: () => lanes.stats().worker,
      onDatasets: (list, restarted) => lanes.update(list, restarted),
      onRing: (ring) => lanes.setRing(ring),
      generation: () => lanes.generation,
      clock: init.clock ?? realClock,
      now: init.now ?? Date.now,
      logger,
      startDeadlineMs: init.startDeadlineMs ?? START_DEADLINE_MS,
    });
    closers.push(() => membership.close());

    let http: HttpServer | undefined;
    if (init.http) {
      const isReady = () => membership.registered;
      const metrics = createMetrics({ stats: lanes.stats, isRegistered: isReady });
      http = await startHttp({ address: init.http, metrics, isReady });
      closers.push(http.close);
    }
    await Promise.race([membership.join(), lanes.failed]);
    return {
      id,
      address: addresses[0]!,
      addresses,
      ...(http && { http: http.address }),
      stats: () => lanes.stats().worker,
      failed: lanes.failed,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** How a ring's member says where its lanes are. */
function reached({ addresses }: Lane) {
  return { ...addresses[0]!, ...(addresses.length > 1 && { lanes: [...addresses] }) };
}
