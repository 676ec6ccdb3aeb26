/** Blocks in memory, filled from origins, each fetched once. */
export * from './api.js'; // WorkerInit, Worker
export type { Limits } from './limits.js'; // what a worker takes on at once
export type { Logger } from './logger.js'; // what it logs to
export type { OpenOrigin } from './origins.js'; // where its origins come from
export { laneSocket } from './threads/division.js'; // where a worker's threads have their sockets
export { startWorker } from './worker.js'; // a worker
