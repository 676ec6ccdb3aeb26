/**
 * The configuration: one schema, from which the flags, the names in the environment, the help and the README's table
 * all follow. A key `worker.unixSocket` is `TIDECACHE_WORKER_UNIX_SOCKET` in the environment.
 */
import { MAX_LANES } from '@tidecache/protocol';
import { MAX_IO_THREADS } from '@tidecache/transport';
import { z } from 'zod';
import { MAX_BUSY_POLL_US, MAX_LOCAL_WORKERS } from '../limits.js';
import { count, countOrAuto, endpoint, listenEndpoint, oneOf, onOff, size, text } from './values.js';

/** What is said of a key besides its type. */
export interface About {
  /** As commander takes it: `--memory <SIZE>`, or `--xattrs` for what is on or off. */
  readonly flag: string;
  readonly help: string;
  /** As written; absent where there is none. */
  readonly default?: string;
  readonly unit?: string;
}

const registry = z.registry<About>();

/** A key that has a value always: `default` goes through the same checks as what people write. */
function key<T extends z.ZodType>(schema: T, about: About & { default: z.input<T> & string }) {
  const full = schema.prefault(about.default);
  registry.add(full, about);
  return full;
}

function optionalKey<T extends z.ZodType>(schema: T, about: About) {
  const full = schema.optional();
  registry.add(full, about);
  return full;
}

const HOST_PORT = 'host:port';

const sections = {
  master: z.strictObject({
    listen: key(listenEndpoint, {
      flag: '--listen <HOST:PORT>',
      help: 'where the master takes workers and clients',
      default: '127.0.0.1:7440',
      unit: HOST_PORT,
    }),
    http: key(listenEndpoint, {
      flag: '--http <HOST:PORT>',
      help: "where the master's HTTP API listens",
      default: '127.0.0.1:7441',
      unit: HOST_PORT,
    }),
    address: key(endpoint, {
      flag: '--master <HOST:PORT>',
      help: 'where workers and mounts reach the master',
      default: '127.0.0.1:7440',
      unit: HOST_PORT,
    }),
    api: key(endpoint, {
      flag: '--api <HOST:PORT>',
      help: "where the master's HTTP API is reached",
      default: '127.0.0.1:7441',
      unit: HOST_PORT,
    }),
  }),
  worker: z.strictObject({
    id: optionalKey(text, { flag: '--id <ID>', help: "the worker's name, the same after a restart" }),
    memory: key(size, {
      flag: '--memory <SIZE>',
      help: 'memory for cached blocks, of each worker',
      default: '1GiB',
      unit: 'bytes',
    }),
    listen: key(listenEndpoint, {
      flag: '--listen <HOST:PORT>',
      help: 'where the worker takes readers',
      default: '127.0.0.1:0',
      unit: HOST_PORT,
    }),
    advertise: optionalKey(text, {
      flag: '--advertise <HOST>',
      help: 'the host under which others reach the worker, where it is not that of --listen',
    }),
    threads: key(countOrAuto(1, MAX_LANES), {
      flag: '--threads <N>',
      help: 'event loops that serve blocks, each with its share of the memory; auto: by the cores',
      default: 'auto',
      unit: 'threads',
    }),
    threadPort: optionalKey(count(1, 65_535), {
      flag: '--thread-port <PORT>',
      help: 'the first port of the threads after the first; any free ones without it',
      unit: 'port',
    }),
    unixSocket: optionalKey(text, {
      flag: '--unix-socket <PATH>',
      help: 'a Unix-domain socket for readers on the same host',
    }),
    sharedMemory: key(text, {
      flag: '--shared-memory <DIR>',
      help: "a tmpfs for the blocks' memory, which readers on the same host map; `off` for none",
      default: '/dev/shm',
    }),
    http: optionalKey(listenEndpoint, {
      flag: '--http <HOST:PORT>',
      help: "where the worker's health checks and metrics listen; nowhere without it",
      unit: HOST_PORT,
    }),
  }),
  mount: z.strictObject({
    transport: key(oneOf(['kernel', 'fuse-native']), {
      flag: '--transport <NAME>',
      help: 'how FUSE is spoken: kernel (Linux) or fuse-native',
      default: 'kernel',
    }),
    buffer: optionalKey(size, {
      flag: '--buffer <SIZE>',
      help: "memory for the mount's read-ahead",
      unit: 'bytes',
    }),
    ioThreads: key(countOrAuto(0, MAX_IO_THREADS), {
      flag: '--io-threads <N>',
      help: 'threads that receive from workers; 0: none but the main one; auto: by the cores',
      default: 'auto',
      unit: 'threads',
    }),
    busyPoll: key(countOrAuto(0, MAX_BUSY_POLL_US), {
      flag: '--busy-poll <N>',
      help: 'µs to stay awake for the next small request where they come at once; 0: never; auto: by the cores',
      default: 'auto',
      unit: 'µs',
    }),
    xattrs: key(onOff, {
      flag: '--xattrs',
      help: 'have extended attributes, user.tidecache.*, which make `ls -l` slower',
      default: 'false',
    }),
  }),
  up: z.strictObject({
    workers: key(count(1, MAX_LOCAL_WORKERS), {
      flag: '--workers <N>',
      help: 'worker processes',
      default: '3',
      unit: 'processes',
    }),
    mount: optionalKey(text, { flag: '--mount <DIR>', help: 'an empty directory to mount the tree on' }),
  }),
};

/** Every key, checked; unknown keys are refused. */
export const ConfigSchema = z.strictObject({
  logLevel: key(oneOf(['trace', 'debug', 'info', 'warn', 'error', 'silent']), {
    flag: '--log-level <LEVEL>',
    help: 'trace, debug, info, warn, error or silent',
    default: 'info',
  }),
  logFormat: key(oneOf(['auto', 'json', 'pretty']), {
    flag: '--log-format <FORMAT>',
    help: 'json, pretty, or auto: pretty on a terminal',
    default: 'auto',
  }),
  secretFile: optionalKey(text, {
    flag: '--secret-file <FILE>',
    help: 'the file with the shared secret (or TIDECACHE_SECRET in the environment)',
  }),
  dataDir: key(text, {
    flag: '--data-dir <DIR>',
    help: "the master's state, and the secret that `up` makes",
    default: '.tidecache',
  }),
  master: sections.master.prefault({}),
  worker: sections.worker.prefault({}),
  mount: sections.mount.prefault({}),
  up: sections.up.prefault({}),
});
export type Config = z.output<typeof ConfigSchema>;

type Section = keyof typeof sections;
type SectionKeys = { [S in Section]: `${S}.${keyof Config[S] & string}` }[Section];
/** The dotted name of a key: `worker.memory`. */
export type ConfigKey = Exclude<keyof Config, Section> | SectionKeys;

export interface KeyRow extends About {
  readonly key: ConfigKey;
  /** Its variable in the environment. */
  readonly env: string;
}

/** `worker.unixSocket` → `TIDECACHE_WORKER_UNIX_SOCKET`. */
function envName(dotted: string): string {
  return `TIDECACHE_${dotted
    .replace(/([A-Z])/g, '_$1')
    .replaceAll('.', '_')
    .toUpperCase()}`;
}

function rowsOf(shape: Record<string, z.ZodType>, prefix: string): KeyRow[] {
  return Object.entries(shape).flatMap(([name, schema]) => {
    const about = registry.get(schema);
    if (about) return [{ ...about, key: `${prefix}${name}` as ConfigKey, env: envName(prefix + name) }];
    const section = sections[name as Section];
    return rowsOf(section.shape, `${name}.`);
  });
}

/** The table of all keys, in the order of the README. */
export const KEYS: readonly KeyRow[] = rowsOf(ConfigSchema.shape, '');

/** The row of a key. */
export function keyRow(key: ConfigKey): KeyRow {
  const row = KEYS.find((candidate) => candidate.key === key);
  if (!row) throw new Error(`no key ${key}`);
  return row;
}
