/** For programs that run the command in their own process, and for tests. */
export { type Config, type ConfigKey, KEYS, type KeyRow } from './config/schema.js'; // every configuration key
export { run } from './program.js'; // one command line, to its exit status
