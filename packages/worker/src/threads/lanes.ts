/** All lanes of a worker as one: in this thread, or each in its own. */
import { TidecacheError } from '@tidecache/protocol';
import type { WorkerInit } from '../api.js';
import { type Lane, startLane } from '../lane.js';
import { SILENT } from '../logger.js';
import { sumOf } from '../stats.js';
import { divide } from './division.js';
import { startLaneThread } from './lane-thread.js';

/** Rejects as `startLane`, and with INVALID when what the worker has can't be divided; nothing is left behind then. */
export async function startLanes(init: WorkerInit, id: string): Promise<Lane> {
  const inits = divide(init, id, init.threads ?? 1);
  const [only] = inits;
  if (inits.length === 1) return startLane(only!, init);
  if (init.openOrigin) {
    throw new TidecacheError('INVALID', 'a worker of several threads opens its origins itself');
  }
  const started = await Promise.allSettled(inits.map((one) => startLaneThread(one, init.logger ?? SILENT)));
  const lanes = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const refused = started.find((one) => one.status === 'rejected');
  const all = together(lanes);
  if (!refused) return all;
  await all.close();
  throw refused.reason;
}

function together(lanes: readonly Lane[]): Lane {
  const failed = Promise.race(lanes.map(({ failed }) => failed));
  failed.catch(() => {});
  return {
    addresses: lanes.flatMap(({ addresses }) => addresses),
    get generation() {
      return Math.min(...lanes.map(({ generation }) => generation));
    },
    update: (list, restarted) => {
      for (const lane of lanes) lane.update(list, restarted);
    },
    setRing: (ring) => {
      for (const lane of lanes) lane.setRing(ring);
    },
    stats: () => sumOf(lanes.map((lane) => lane.stats())),
    failed,
    async close() {
      await Promise.all(lanes.map((lane) => lane.close()));
    },
  };
}
