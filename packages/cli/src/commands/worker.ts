import { rmSync } from 'node:fs';
import { formatEndpoint } from '../config/endpoint.js';
import { findSecret } from '../config/secret.js';
import { runUntilStopped } from '../lifecycle.js';
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
    'worker.unixSocket',
    'worker.sharedMemory',
    'worker.http',
    'worker.id',
    'dataDir',
  ],
  examples: [
    'tidecache worker --master master.internal:7440 --memory 30GiB --listen 0.0.0.0:7450 --advertise 10.0.0.7',
    'tidecache worker --memory 1GiB --unix-socket /run/tidecache/worker.sock --http 127.0.0.1:7451',
  ],
  async run(call) {
    const { id, memory, listen, advertise, unixSocket, sharedMemory, http } = call.config.worker;
    const secret = findSecret(call.loaded, call.env);
    const logger = call.logger(id ?? 'worker');
    const { startWorker } = await import('@tidecache/worker');
    await runUntilStopped({ logger }, async (life) => {
      let isStarting = true;
      // A worker that still waits for its master when the process is told to end has no `close` yet.
      life.defer('socket', () => {
        if (isStarting && unixSocket !== undefined) rmSync(unixSocket, { force: true });
      });
      const running = await startWorker({
        master: call.config.master.address,
        listen,
        memoryBytes: memory,
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
      announce(call, 'worker', {
        id: running.id,
        address: formatEndpoint(running.address),
        ...(running.http && { http: formatEndpoint(running.http) }),
        ...(unixSocket !== undefined && { unixSocket }),
      });
    });
  },
};
