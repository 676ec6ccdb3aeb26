/** A Tidecache cluster on hosts of a given bandwidth: master, workers and mounts, each in a host of its own. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { run, type Scratch, Service, TIDECACHE } from '@tidecache/test';
import { inBatches } from '../lab/batches.js';
import type { Host, Hosts } from '../lab/hosts.js';
import { BUCKET, type FleetFile } from './file.js';
import type { Links } from './ideal.js';
import type { FleetOrigin } from './origin.js';

/** Of what is not the bottleneck: the master's host, and that of the mount that warms the workers. */
const GENEROUS_MBIT = 1_000;
const PORT = 7440;
const HTTP_PORT = 7441;
const WORKER_PORT = 7450;
const WORKER_MEMORY = '256MiB';
/** Read-ahead memory of a mount: a hundred of them share this machine. */
export const MOUNT_BUFFER_BYTES = 16 << 20;
/** The smallest there is, so that a file of tens of MiB has far more blocks than there are workers. */
const BLOCK_SIZE = '256KiB';
/** A process that starts takes half a second of a core. */
const STARTS_AT_ONCE = 3;
const STOPS_AT_ONCE = 16;
const START_MS = 60_000;

export interface FleetMount {
  readonly dir: string;
  readonly service: Service;
}

export class FleetCluster {
  readonly workers: Service[] = [];
  readonly mounts: FleetMount[] = [];
  readonly #scratch: Scratch;
  readonly #hosts: Hosts;
  readonly #links: Links;
  readonly #master: Host;
  readonly #env: Record<string, string>;

  private constructor(scratch: Scratch, hosts: Hosts, links: Links, master: Host) {
    this.#scratch = scratch;
    this.#hosts = hosts;
    this.#links = links;
    this.#master = master;
    const secretFile = scratch.path('secret');
    writeFileSync(secretFile, randomBytes(24).toString('hex'), { mode: 0o600 });
    this.#env = {
      TIDECACHE_SECRET_FILE: secretFile,
      TIDECACHE_MASTER_ADDRESS: `${master.address}:${PORT}`,
      TIDECACHE_MASTER_API: `${master.address}:${HTTP_PORT}`,
      TIDECACHE_MOUNT_BUFFER: String(MOUNT_BUFFER_BYTES),
      TIDECACHE_LOG_LEVEL: 'info',
      TIDECACHE_LOG_FORMAT: 'json',
    };
  }

  /** A master, and everything of the origin bound to `/fleet`. */
  static async start(
    scratch: Scratch,
    hosts: Hosts,
    links: Links,
    origin: FleetOrigin,
  ): Promise<FleetCluster> {
    const host = await hosts.add(GENEROUS_MBIT);
    const cluster = new FleetCluster(scratch, hosts, links, host);
    const where = ['--listen', `${host.address}:${PORT}`, '--http', `${host.address}:${HTTP_PORT}`];
    const master = cluster.#part('master', host, ['master', '--data-dir', scratch.path('master'), ...where]);
    scratch.defer('master', () => master.stop());
    scratch.defer('workers', () => inBatches(STOPS_AT_ONCE, cluster.workers, (worker) => worker.stop()));
    scratch.defer('mounts', () => cluster.#unmountAll());
    await master.line('ready line', ready, START_MS);
    const policy = ['--read-only', '--metadata', 'once', '--block-size', BLOCK_SIZE];
    await cluster.#cli('dataset', 'add', '/fleet', `s3://${BUCKET}`, ...policy, ...origin.flags);
    return cluster;
  }

  async addWorkers(count: number): Promise<void> {
    const hosts = await this.#hosts.addMany(count, this.#links.worker);
    await inBatches(STARTS_AT_ONCE, hosts, async (host) => {
      const where = ['--listen', `${host.address}:${WORKER_PORT}`, '--memory', WORKER_MEMORY];
      const id = `worker-${this.workers.length + 1}`;
      const service = this.#part(id, host, ['worker', '--id', id, ...where]);
      this.workers.push(service);
      await service.line('ready line', ready, START_MS);
    });
  }

  /** Those that came last leave, in peace. */
  async removeWorkers(count: number): Promise<void> {
    await inBatches(STOPS_AT_ONCE, this.workers.splice(this.workers.length - count), (worker) =>
      worker.stop(),
    );
  }

  /** A mount in each of the hosts, each in a process of its own. */
  async addMounts(hosts: readonly Host[]): Promise<void> {
    await inBatches(STARTS_AT_ONCE, hosts, (host) => this.#mount(host).then((it) => this.mounts.push(it)));
  }

  /** One reader's mount, whose link is no bottleneck, that is not among {@link FleetCluster.mounts}. */
  async addWarmer(): Promise<FleetMount> {
    const mount = await this.#mount(await this.#hosts.add(GENEROUS_MBIT));
    this.#scratch.defer('warmer', () => unmount(mount));
    return mount;
  }

  #mounted = 0;

  async #mount(host: Host): Promise<FleetMount> {
    const dir = this.#scratch.path(`mnt-${++this.#mounted}`);
    mkdirSync(dir);
    const service = this.#part(`mount ${dir}`, host, ['mount', dir, '--transport', 'kernel']);
    const mount = { dir, service };
    try {
      await service.line('ready line', ready, START_MS);
    } catch (thrown) {
      await unmount(mount);
      throw thrown;
    }
    return mount;
  }

  #unmountAll(): Promise<unknown> {
    return inBatches(STOPS_AT_ONCE, this.mounts, unmount);
  }

  /** Sums over the workers of what they count. At most a heartbeat old. */
  async workerStats(): Promise<Record<string, number>> {
    const { workers } = JSON.parse(await this.#cli('status', '--json'));
    const sums: Record<string, number> = {};
    for (const { stats } of workers) {
      for (const [name, count] of Object.entries<number>(stats ?? {})) sums[name] = (sums[name] ?? 0) + count;
    }
    return sums;
  }

  #cli(...args: string[]): Promise<string> {
    const { command, args: all } = this.#master.command(process.execPath, [TIDECACHE, ...args]);
    return run(command, all, { env: this.#env });
  }

  #part(name: string, host: Host, args: string[]): Service {
    return new Service({ name, ...host.command(process.execPath, [TIDECACHE, ...args]), env: this.#env });
  }
}

/** Where a file is in a mount. */
export const pathIn = ({ dir }: FleetMount, { key }: FleetFile): string => `${dir}/fleet/${key}`;

async function unmount({ dir, service }: FleetMount): Promise<void> {
  await service.stop();
  await run('umount', ['-l', dir]).catch(() => undefined); // only when the process died without doing it
}

/** A part's ready line, pretty or JSON. */
const ready = (line: string): true | undefined => (/\bready\b/.test(line) ? true : undefined);
