/** The master: datasets, the inode cache, members and ring. */

export * from './http/shapes.js'; // what its HTTP API takes and gives, as schemas
export { type Endpoint, type Master, type MasterInit, startMaster } from './master.js'; // runs one
export type { OpenOrigin } from './tree/origins.js'; // how a test gives it other origins
export type { Logger } from './util/logger.js'; // structured logs; pino fits
export type { Timers } from './util/timers.js'; // timers, injected
