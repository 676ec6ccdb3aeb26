import { rmSync } from 'node:fs';
import { asTidecacheError } from '@tidecache/protocol';
import { formatEndpoint } from '../config/endpoint.js';
import { findSecret } from '../config/secret.js';
import { runUntilStopped } from '../lifecycle.js';
import { workerThreads } from '../threads.js';
import type { Verb } from '../verb.js';
import { announce } from './ready.js';

export const worker: Verb = {
  name: 'worker',
  summary: 'run a worker: blocks in memory, filled from the origins',
  args: [],
  keys: [
    'master.address',
    'worker.memory',
    'worker.listen',
    'worker.advertise',
    'worker.threads',
    'worker.threadPort',
    'worker.unixSocket',
    'worker.sharedMemory',
    'worker.http',
    'worker.id',
    'dataDir',
  ],
  examples: [
    'tidecache worker --master master.internal:7440 --memory 30GiB --listen 0.0.0.0:7450 --advertise 10.0.0.7',
    'tidecache worker --memory 60GiB --threads 8 --thread-port 7460 --listen 0.0.0.0:7450',
    'tidecache worker --memory 1GiB --unix-socket /run/tidecache/worker.sock --http 127.0.0.1:7451',
  ],
  async run(call) {
    const { id, memory, listen, threadPort, advertise, unixSocket, sharedMemory, http } = call.config.worker;
    const threads = workerThreads(call.config.worker.threads, memory);
    const secret = findSecret(call.loaded, call.env);
    const logger = call.logger(id ?? 'worker');
    const { startWorker, laneSocket } = await import('@tidecache/worker');
    await runUntilStopped({ logger }, async (life) => {
      let isStarting = true;
      // A worker that still waits for its master when the process is told to end has no `close` yet.
      life.defer('socket', () => {
        if (!isStarting || unixSocket === undefined) return;
        for (let i = 0; i < threads; i++) rmSync(laneSocket(unixSocket, i), { force: true });
      });
      const running = await startWorker({
        master: call.config.master.address,
        listen,
        memoryBytes: memory,
        threads,
        threadPort,
        secret,
        logger,
        ...(id !== undefined && { id }),
        ...(advertise !== undefined && { advertiseHost: advertise }),
        ...(unixSocket !== undefined && { unixPath: unixSocket }),
        ...(sharedMemory !== 'off' && { sharedMemoryDir: sharedMemory }),
        ...(http !== undefined && { http }),
      }).finally(() => {
        isStarting = false;
      });
      life.defer('worker', () => running.close());
      running.failed.catch((thrown: unknown) => life.stop(asTidecacheError(thrown)));
      announce(call, 'worker', {
        id: running.id,
        address: formatEndpoint(running.address),
        ...(threads > 1 && { threads: running.addresses.map(formatEndpoint) }),
        ...(running.http && { http: formatEndpoint(running.http) }),
        ...(unixSocket !== undefined && { unixSocket }),
      });
    });
  },
};
