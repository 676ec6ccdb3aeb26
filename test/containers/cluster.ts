/** A cluster in containers: a master, workers and a mount, as docker/README.md tells users to run them. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { run } from '../lab/command.js';
import type { Scratch } from '../lab/scratch.js';
import { until } from '../lab/until.js';
import { BRIDGE, type Docker } from './docker-daemon.js';

export const TARGETS = ['master', 'worker', 'mount'] as const;
export const WORKERS = ['worker-1', 'worker-2', 'worker-3'] as const;
/** The containers of the cluster, in the order of starting. */
export const PARTS = ['master', ...WORKERS, 'mount'] as const;
/** The container of an application, which sees the mount. */
export const READER = 'reader';

/** Where the NAS is, in every container and as a dataset's URI says it. */
export const NAS_DIR = '/nas';
/** Where the tree is, below the directory that is shared with the host. */
const SHARED_DIR = '/mnt/tidecache';
export const TREE_DIR = `${SHARED_DIR}/tree`;

const WORKER_MEMORY = '256MiB';
/** The budget and what the process itself takes: more is a leak, and the kernel ends it. */
const WORKER_LIMIT = '512m';
const BUILD_MS = 10 * 60_000;
const HEALTHY_MS = 120_000;
/** `docker stop` sends SIGKILL after this long. */
const STOP_S = 15;

export class ContainerCluster {
  /** The tree as the host sees it. */
  readonly hostTree: string;
  readonly #docker: Docker;
  readonly #signal: AbortSignal;
  readonly #flags: readonly string[];
  readonly #hostShared: string;

  private constructor(docker: Docker, signal: AbortSignal, hostShared: string, flags: readonly string[]) {
    this.#docker = docker;
    this.#signal = signal;
    this.#hostShared = hostShared;
    this.#flags = flags;
    this.hostTree = `${hostShared}/tree`;
  }

  /** Makes the network and the shared directory; nothing runs yet. `nas` is a directory of the host. */
  static async prepare(docker: Docker, scratch: Scratch, nas: string, signal: AbortSignal) {
    const secret = scratch.path('secret');
    // Master and workers are no root, and their user has no name here.
    writeFileSync(secret, randomBytes(32).toString('hex'), { mode: 0o444 });

    // Mounts made in a container reach the host only through a mount that is shared.
    const hostShared = scratch.path('shared');
    mkdirSync(hostShared);
    await run('mount', ['--bind', hostShared, hostShared], { signal });
    await run('mount', ['--make-shared', hostShared], { signal });

    // Containers, network and mounts go away with the engine, however far this comes.
    await docker(['network', 'create', '--opt', `com.docker.network.bridge.name=${BRIDGE}`, BRIDGE]);
    const volumes = ['--volume', `${nas}:${NAS_DIR}:ro`, '--volume', `${secret}:/run/secrets/tidecache:ro`];
    const environment = ['--env', 'TIDECACHE_SECRET_FILE=/run/secrets/tidecache'];
    const flags = ['--network', BRIDGE, ...volumes, ...environment];
    return new ContainerCluster(docker, signal, hostShared, flags);
  }

  async build(base: string, context: string): Promise<void> {
    for (const target of TARGETS) {
      // The host's network, since the registry may be reachable from there alone.
      const args = ['build', '--network', 'host', '--build-arg', `BASE=${base}`, '--target', target];
      const where = ['--file', `${context}/docker/Dockerfile`, '--tag', imageOf(target), context];
      await this.#docker([...args, ...where], { deadlineMs: BUILD_MS });
    }
  }

  /** The application first: it must see a mount that is made after its start. */
  async start(base: string): Promise<void> {
    const sees = ['--volume', `${this.#hostShared}:${SHARED_DIR}:rslave`];
    await this.#run(READER, base, [...sees, '--init'], ['sleep', 'infinity']);
    const hard = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'];
    await this.#run('master', imageOf('master'), [
      ...hard,
      '--volume',
      'tidecache-master:/var/lib/tidecache',
    ]);
    const reaches = ['--env', 'TIDECACHE_MASTER_ADDRESS=master:7440'];
    for (const name of WORKERS) {
      const itself = ['--env', `TIDECACHE_WORKER_ID=${name}`];
      const memory = ['--env', `TIDECACHE_WORKER_MEMORY=${WORKER_MEMORY}`, '--memory', WORKER_LIMIT];
      await this.#run(name, imageOf('worker'), [...hard, ...reaches, ...itself, ...memory]);
    }
    const mounts = [
      '--device',
      '/dev/fuse',
      '--cap-add',
      'SYS_ADMIN',
      '--security-opt',
      'apparmor=unconfined',
    ];
    const shows = ['--volume', `${this.#hostShared}:${SHARED_DIR}:rshared`];
    await this.#run('mount', imageOf('mount'), [...mounts, ...shows, ...reaches]);
  }

  /** Resolves when the part's own health check says so; rejects with its log when it ends or takes too long. */
  async healthy(part: string): Promise<void> {
    const format = '{{.State.Health.Status}} {{.State.Status}}';
    const found = async () => {
      const state = await this.#docker(['inspect', '--format', format, part]);
      return /^healthy|exited/.test(state) ? state : undefined;
    };
    try {
      const state = await until('good health', found, { deadlineMs: HEALTHY_MS, signal: this.#signal });
      if (!state.startsWith('healthy')) throw new Error(`it is ${state}`);
    } catch (cause) {
      const health = await this.#docker(['inspect', '--format', '{{json .State}}', part]);
      throw new Error(`${part}: ${(cause as Error).message}\n${health}\n${await this.log(part)}`, { cause });
    }
  }

  /** The `tidecache` command, in the master's container. */
  cli(...args: string[]): Promise<string> {
    return this.exec('master', 'tidecache', ...args);
  }

  exec(part: string, ...command: string[]): Promise<string> {
    return this.#docker(['exec', part, ...command]);
  }

  async log(part: string): Promise<string> {
    // Both of the container's streams, in order, on one.
    const where = await this.#docker(['inspect', '--format', '{{.LogPath}}', part]);
    return run('tail', ['--lines', '40', where]);
  }

  /** Ends one as a crash would. */
  async kill(part: string): Promise<void> {
    await this.#docker(['kill', part]);
  }

  /** Starts one that was killed again. */
  async startAgain(part: string): Promise<void> {
    await this.#docker(['start', part]);
  }

  async restart(part: string): Promise<void> {
    await this.#docker(['restart', '--time', `${STOP_S}`, part]);
  }

  /** Asks it to end; resolves to its exit status, 137 when it did not and was killed. */
  async stop(part: string): Promise<number> {
    await this.#docker(['stop', '--time', `${STOP_S}`, part]);
    return Number(await this.#docker(['inspect', '--format', '{{.State.ExitCode}}', part]));
  }

  async #run(name: string, image: string, flags: readonly string[], command: readonly string[] = []) {
    await this.#docker(['run', '--detach', '--name', name, ...this.#flags, ...flags, image, ...command]);
  }
}

function imageOf(target: (typeof TARGETS)[number]): string {
  return `tidecache-${target}`;
}
