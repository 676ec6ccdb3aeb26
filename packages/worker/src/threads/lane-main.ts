/** The thread of one lane. What it throws ends it, and with it the worker. */
import { parentPort, workerData } from 'node:worker_threads';
import { asTidecacheError } from '@tidecache/protocol';
import { realClock } from '@tidecache/transport';
import { every, startLane } from '../lane.js';
import { LANE_STATS_MS } from '../limits.js';
import type { Logger } from '../logger.js';
import type { FromLane, Level, ThreadData, ToLane } from './messages.js';

const port = parentPort!;
const { init, debug } = workerData as ThreadData;
const tell = (message: FromLane): void => port.postMessage(message);

const line =
  (level: Level) =>
  (fields: object, message: string): void =>
    tell({ type: 'log', level, fields: plain(fields), message });
const logger: Logger = {
  debug: debug ? line('debug') : () => {},
  info: line('info'),
  warn: line('warn'),
  error: line('error'),
};

/** An error loses its own fields on the way between threads. */
function plain(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (!(value instanceof Error)) return [name, value];
      const { code } = value as NodeJS.ErrnoException;
      return [name, { type: value.name, code, message: value.message, stack: value.stack }];
    }),
  );
}

try {
  const lane = await startLane(init, { logger });
  const stopTelling = every(LANE_STATS_MS, realClock, () => tell({ type: 'stats', stats: lane.stats() }));
  const close = () => {
    stopTelling();
    void lane.close().then(() => tell({ type: 'closed', stats: lane.stats() }));
  };
  port.on('message', (message: ToLane) => {
    if (message.type === 'datasets') lane.update(message.list, message.restarted);
    else if (message.type === 'ring') lane.setRing(message.ring);
    else close();
  });
  tell({ type: 'ready', addresses: lane.addresses, stats: lane.stats() });
} catch (thrown) {
  const { code, message } = asTidecacheError(thrown);
  tell({ type: 'refused', code, message });
}
