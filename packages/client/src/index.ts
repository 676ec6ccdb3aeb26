export * from './api.js'; // the contract: Client, FileHandle, Slices
export { type ClientInit, connectClient } from './client.js'; // a client, attached to its master
export { DEFAULT_BUFFER_BYTES, MAX_BUFFER_BYTES, MIN_BUFFER_BYTES, SEGMENT_BYTES } from './limits.js';
export type { Logger } from './logger.js';
