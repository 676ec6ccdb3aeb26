import { Worker } from 'node:worker_threads';
import type { ThreadData } from '../../src/threads/messages.js';

/** Starts real I/O threads, and remembers them. */
export function startedThreads() {
  const threads: Worker[] = [];
  const start = (workerData: ThreadData): Worker => {
    const thread = new Worker(new URL('../../src/threads/io-main.js', import.meta.url), { workerData });
    threads.push(thread);
    return thread;
  };
  return { threads, start };
}
