/** `up`'s children: a master, workers, and a mount, each in a supervised process. */
import { readdirSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { formatEndpoint } from './config/endpoint.js';
import { type Env, SECRET_VARIABLE } from './config/env.js';
import type { Config } from './config/schema.js';
import { realMountPoint, unmountLeftover } from './leftover-mount.js';
import { MAX_UNIX_PATH_BYTES } from './limits.js';
import type { Logger } from './logger.js';
import { type Supervisor, supervise } from './supervisor.js';

export interface LocalClusterInit {
  readonly config: Config;
  readonly env: Env;
  readonly secret: string;
  readonly logger: Logger;
  /** The mount was unmounted from outside. */
  readonly onMountEnded: () => void;
}

export interface LocalCluster {
  /** Absolute; undefined: nothing is mounted. */
  readonly mountPoint: string | undefined;
  startMaster(): Promise<void>;
  startWorkers(): Promise<void>;
  /** Does nothing where there is nothing to mount. */
  startMount(): Promise<void>;
  stopMount(): Promise<void>;
  stopWorkers(): Promise<void>;
  stopMaster(): Promise<void>;
  /** Kills every child at once. */
  kill(): void;
  describe(): Description;
}

/** What `up --json` prints. */
export interface Description {
  readonly ready: true;
  readonly role: 'up';
  readonly pid: number;
  readonly dataDir: string;
  readonly master: { readonly pid: number | undefined; readonly rpc: string; readonly http: string };
  readonly workers: readonly {
    readonly pid: number | undefined;
    readonly id: string;
    readonly address: string;
  }[];
  readonly mount?: { readonly pid: number | undefined; readonly on: string };
}

export function createLocalCluster(init: LocalClusterInit): LocalCluster {
  const { config, logger } = init;
  const env = childEnv(init.env, init.secret);
  const dataDir = resolve(config.dataDir);
  const mountPoint = config.up.mount === undefined ? undefined : realMountPoint(config.up.mount);
  const common = ['--log-level', config.logLevel, '--log-format', config.logFormat];

  // Ports that were 0 are known after the first start, and kept after that: others have learnt them.
  let rpc = formatEndpoint(config.master.listen);
  let http = formatEndpoint(config.master.http);
  // Once the master runs: it holds the directory's lock. Before, what is there may be another cluster's.
  let ownsDataDir = false;
  const addresses = new Map<string, string>();

  const master = supervise({
    name: 'master',
    args: () => ['master', '--listen', rpc, '--http', http, '--data-dir', dataDir, ...common],
    env,
    logger,
  });
  const workers = Array.from({ length: config.up.workers }, (_, i) => superviseWorker(`worker-${i + 1}`));
  const mount = mountPoint === undefined ? undefined : superviseMount(mountPoint);

  function socketOf(id: string): string {
    return join(dataDir, `${id}.sock`);
  }

  /** A worker removes its own socket, unless it was killed. */
  function removeSockets(): void {
    if (!ownsDataDir) return;
    const names = workers.map(({ name }) => basename(socketOf(name)));
    for (const file of readdirSync(dataDir)) {
      // Threads after the first add a number.
      if (names.includes(file.replace(/\.\d+$/, ''))) rmSync(join(dataDir, file), { force: true });
    }
  }

  function superviseWorker(id: string): Supervisor {
    const memory = String(config.worker.memory);
    // Several processes share this machine's cores already.
    const threads = config.worker.threads === 'auto' ? 1 : config.worker.threads;
    const socket = socketFlags(socketOf(id), logger);
    return supervise({
      name: id,
      args: () => {
        const listen = addresses.get(id) ?? '127.0.0.1:0';
        return [
          'worker',
          '--id',
          id,
          '--master',
          rpc,
          '--memory',
          memory,
          '--threads',
          String(threads),
          '--listen',
          listen,
          ...socket,
          ...common,
        ];
      },
      env,
      logger,
    });
  }

  function superviseMount(on: string): Supervisor {
    const { transport, buffer, ioThreads, busyPoll, xattrs } = config.mount;
    const flags = [
      ...['--transport', transport],
      ...(buffer === undefined ? [] : ['--buffer', String(buffer)]),
      // Its workers are on this host, where nothing is received.
      ...['--io-threads', String(ioThreads === 'auto' ? 0 : ioThreads)],
      ...['--busy-poll', String(busyPoll)],
      ...(xattrs ? ['--xattrs'] : []),
    ];
    return supervise({
      name: 'mount',
      args: () => ['mount', on, '--master', rpc, ...flags, ...common],
      env,
      logger,
      onEnded: init.onMountEnded,
      // A killed process leaves a mount that answers ENOTCONN; the next one needs the place.
      afterDeath: () => unmountLeftover(on),
    });
  }

  return {
    mountPoint,
    async startMaster() {
      const ready = await master.start();
      ownsDataDir = true;
      rpc = String(ready.rpc);
      http = String(ready.http);
    },
    async startWorkers() {
      await Promise.all(
        workers.map(async (worker) => {
          const ready = await worker.start();
          addresses.set(worker.name, String(ready.address));
        }),
      );
    },
    async startMount() {
      await mount?.start();
    },
    async stopMount() {
      await mount?.stop();
      if (mountPoint !== undefined) unmountLeftover(mountPoint);
    },
    async stopWorkers() {
      await Promise.all(workers.map((worker) => worker.stop()));
      removeSockets();
    },
    stopMaster: () => master.stop(),
    kill() {
      for (const child of [mount, ...workers, master]) child?.kill();
      removeSockets();
    },
    describe: () => ({
      ready: true,
      role: 'up',
      pid: process.pid,
      dataDir,
      master: { pid: master.pid, rpc, http },
      workers: workers.map(({ name, pid }) => ({ pid, id: name, address: addresses.get(name) ?? '' })),
      ...(mount && mountPoint !== undefined && { mount: { pid: mount.pid, on: mountPoint } }),
    }),
  };
}

/** Children take their configuration from flags alone, and the secret from the environment: argv is public. */
function childEnv(env: Env, secret: string): Env {
  const kept = Object.entries(env).filter(([name]) => !name.startsWith('TIDECACHE_'));
  return { ...Object.fromEntries(kept), [SECRET_VARIABLE]: secret };
}

function socketFlags(path: string, logger: Logger): string[] {
  if (Buffer.byteLength(path) <= MAX_UNIX_PATH_BYTES) return ['--unix-socket', path];
  logger.warn(
    { path },
    `no Unix-domain socket: its path would be over ${MAX_UNIX_PATH_BYTES} bytes; reads use TCP`,
  );
  return [];
}
