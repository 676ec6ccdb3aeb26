/**
 * A whole cluster as a user would run it: the `tidecache` command, each part in a process of its own, on loopback.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Client, connectClient } from '@tidecache/client';
import { freePorts } from './ports.js';
import type { Scratch } from './scratch.js';
import { Service } from './service.js';

const run = promisify(execFile);
/** The command as it is installed. */
export const TIDECACHE = fileURLToPath(new URL('../../../packages/cli/bin/tidecache.cjs', import.meta.url));

export interface ClusterInit {
  readonly workers: number;
  /** Of each worker, e.g. `1GiB`. */
  readonly memory: string;
  /** Let workers offer Unix-domain sockets too. Default true. */
  readonly unixSockets?: boolean;
}

/** What `tidecache status --json` says of one worker, as far as tests look at it. */
export interface WorkerStatus {
  readonly id: string;
  readonly stats: { readonly servedBytes: number; readonly filledBytes: number; readonly usedBytes: number };
}

export interface MountedDir {
  readonly dir: string;
  readonly service: Service;
  unmount(): Promise<number | string>;
}

export class Cluster {
  readonly workers: Service[] = [];
  master!: Service;
  /** The configuration of every part, as environment. */
  readonly env: Record<string, string>;
  readonly #scratch: Scratch;
  readonly #ports: { master: number; http: number };
  readonly #secret = randomBytes(24).toString('hex');
  #mounts = 0;

  private constructor(scratch: Scratch, ports: { master: number; http: number }) {
    this.#scratch = scratch;
    this.#ports = ports;
    const secretFile = scratch.path('secret');
    writeFileSync(secretFile, this.#secret, { mode: 0o600 });
    this.env = {
      TIDECACHE_SECRET_FILE: secretFile,
      TIDECACHE_MASTER_ADDRESS: `127.0.0.1:${ports.master}`,
      TIDECACHE_MASTER_API: `127.0.0.1:${ports.http}`,
      TIDECACHE_LOG_LEVEL: 'info',
    };
  }

  static async start(scratch: Scratch, init: ClusterInit): Promise<Cluster> {
    const [master, http] = await freePorts(2);
    const cluster = new Cluster(scratch, { master: master!, http: http! });
    await cluster.startMaster();
    await Promise.all(Array.from({ length: init.workers }, () => cluster.addWorker(init)));
    return cluster;
  }

  /** Also after it was killed: the same ports and the same state. */
  async startMaster(): Promise<void> {
    const { master, http } = this.#ports;
    const where = ['--listen', `127.0.0.1:${master}`, '--http', `127.0.0.1:${http}`];
    this.master = this.#part('master', ['master', '--data-dir', this.#scratch.path('master'), ...where]);
    await this.master.line('ready line', ready);
  }

  async addWorker(init: Omit<ClusterInit, 'workers'>): Promise<Service> {
    const name = `worker-${this.workers.length + 1}`;
    const args = ['worker', '--id', name, '--memory', init.memory, '--listen', '127.0.0.1:0'];
    if (init.unixSockets !== false) args.push('--unix-socket', this.#scratch.path(`${name}.sock`));
    const service = this.#part(name, args);
    this.workers.push(service);
    await service.line('ready line', ready);
    return service;
  }

  async mount(
    transport: 'kernel' | 'fuse-native' = 'kernel',
    dir = this.#scratch.path(`mnt-${++this.#mounts}`),
    ...flags: string[]
  ): Promise<MountedDir> {
    mkdirSync(dir, { recursive: true });
    const service = this.#part(`mount ${dir}`, ['mount', dir, '--transport', transport, ...flags]);
    const unmount = async () => {
      const status = await service.stop();
      await run('umount', ['-l', dir]).catch(() => undefined); // only when the process died without doing it
      return status;
    };
    this.#scratch.defer(`mount ${dir}`, async () => {
      await unmount();
      rmSync(dir, { recursive: true, force: true });
    });
    await service.line('ready line', ready);
    return { dir, service, unmount };
  }

  /** Runs a verb to its end; resolves to its standard output, rejects when it fails. */
  async cli(...args: string[]): Promise<string> {
    const { stdout } = await run(process.execPath, [TIDECACHE, ...args], {
      env: { ...process.env, ...this.env },
      maxBuffer: 64 << 20,
    });
    return stdout;
  }

  addDataset(path: string, uri: string, ...flags: string[]): Promise<string> {
    return this.cli('dataset', 'add', path, uri, ...flags);
  }

  async workerStatus(): Promise<WorkerStatus[]> {
    return (JSON.parse(await this.cli('status', '--json')) as { workers: WorkerStatus[] }).workers;
  }

  /** A client in this process, without a mount. */
  async connect(
    name = 'test',
    bufferBytes?: number,
    options: { readonly mapMemory?: boolean } = {},
  ): Promise<Client> {
    const master = { host: '127.0.0.1', port: this.#ports.master };
    const client = await connectClient({
      master,
      secret: this.#secret,
      name,
      ...options,
      ...(bufferBytes === undefined ? {} : { bufferBytes }),
    });
    this.#scratch.defer('client', () => client.close());
    return client;
  }

  #part(name: string, args: string[]): Service {
    const service = new Service({
      name,
      command: process.execPath,
      args: [TIDECACHE, ...args],
      env: this.env,
    });
    this.#scratch.defer(name, () => service.stop());
    return service;
  }
}

/** A part's ready line, pretty or JSON. */
const ready = (line: string): true | undefined => (/\bready\b/.test(line) ? true : undefined);
