/**
 * Hosts of a given bandwidth on one machine: network namespaces on one bridge, each link shaped at both ends by a
 * token bucket (tc tbf), so that neither direction carries more than its line. Root only.
 */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Scratch } from '@tidecache/test';
import { inBatches } from './batches.js';
import { clearLeftovers, NAME_PREFIX } from './leftovers.js';

const run = promisify(execFile);
const NETWORK = '10.231';
/** The last byte of addresses goes from 0 to 255, the one before counts on. */
const MAX_HOSTS = 1 << 12;
/** The bucket holds about 10 ms of the line, and never less than a few full segments of offloaded TCP. */
const BURST_MS = 10;
const MIN_BURST_BYTES = 128 << 10;
/** What waits for a host's own line. A host drops none of its own packets: TCP waits for its device. */
const OWN_QUEUE_BYTES = 16 << 20;
/** What the switch holds for a host's port: some dozens of senders to one host have room for a segment each. */
const PORT_QUEUE_BYTES = 2 << 20;
/** Jumbo frames, as data centres have them: every arriving packet wakes a process, and the cores are few. */
export const MTU = 9000;
/** Linux's default, whatever this machine's is: a result should not depend on it. */
const CONGESTION_CONTROL = 'cubic';
/** As offloading does on a fast line: full segments of 63 KB, also where a slow one would have TCP cut finer. */
const OFFLOADED_FRAMES = 7;
/** As advised for a worker's host: what TCP can't send yet stays with the process, which chooses whom to serve next. */
const UNSENT_BYTES = 64 << 10;
const SETTINGS = [
  `net.ipv4.tcp_congestion_control=${CONGESTION_CONTROL}`,
  `net.ipv4.tcp_min_tso_segs=${OFFLOADED_FRAMES}`,
  `net.ipv4.tcp_notsent_lowat=${UNSENT_BYTES}`,
];
/** Namespaces that are made or removed at once: most of that is waiting for the kernel. */
const AT_ONCE = 8;

export interface Host {
  readonly name: string;
  readonly address: string;
  /** Puts a command into the host's network; mounts stay where they are. The process id stays the command's. */
  command(command: string, args: readonly string[]): { command: string; args: string[] };
}

export class Hosts {
  readonly #bridge = `${NAME_PREFIX}${process.pid}`;
  readonly #names: string[] = [];

  private constructor() {}

  /** The bridge; everything goes at the scratch's clean-up. What a run that was killed left behind goes first. */
  static async start(scratch: Scratch): Promise<Hosts> {
    if (process.getuid?.() !== 0)
      throw new Error('hosts of a given bandwidth need root: they are network namespaces');
    await clearLeftovers();
    await raiseNeighbourTable(scratch);
    await allowCongestionControl(scratch);
    const hosts = new Hosts();
    scratch.defer('hosts', () => hosts.#remove());
    await run('ip', ['link', 'add', hosts.#bridge, 'type', 'bridge']);
    await run('ip', ['link', 'set', hosts.#bridge, 'up']);
    return hosts;
  }

  async add(mbitPerSecond: number): Promise<Host> {
    const index = this.#names.length + 1;
    if (index > MAX_HOSTS) throw new Error(`no more than ${MAX_HOSTS} hosts`);
    const name = `${this.#bridge}-${index}`;
    const address = `${NETWORK}.${index >> 8}.${index & 255}`;
    const port = `${this.#bridge}v${index}`;
    this.#names.push(name);
    await run('ip', ['netns', 'add', name]);
    const mtu = ['mtu', String(MTU)];
    const peer = ['peer', 'name', 'eth0', ...mtu, 'netns', name];
    await run('ip', ['link', 'add', port, ...mtu, 'type', 'veth', ...peer]);
    await run('ip', ['link', 'set', port, 'master', this.#bridge, 'up']);
    await run('ip', ['-n', name, 'addr', 'add', `${address}/16`, 'dev', 'eth0']);
    for (const device of ['lo', 'eth0']) await run('ip', ['-n', name, 'link', 'set', device, 'up']);
    await run('nsenter', [`--net=/run/netns/${name}`, 'sysctl', '-qw', ...SETTINGS]);
    // Both ends: eth0 shapes what the host sends, the bridge's port what it receives.
    await run('tc', ['-n', name, ...shape('eth0', mbitPerSecond, OWN_QUEUE_BYTES)]);
    await run('tc', shape(port, mbitPerSecond, PORT_QUEUE_BYTES));
    return {
      name,
      address,
      command: (command, args) => ({
        command: 'nsenter',
        args: [`--net=/run/netns/${name}`, command, ...args],
      }),
    };
  }

  addMany(count: number, mbitPerSecond: number): Promise<Host[]> {
    return inBatches(AT_ONCE, Array.from({ length: count }), () => this.add(mbitPerSecond));
  }

  /** Also of hosts that were half made. */
  async #remove(): Promise<void> {
    await inBatches(AT_ONCE, this.#names, (name) => run('ip', ['netns', 'del', name]).catch(() => undefined));
    await run('ip', ['link', 'del', this.#bridge]);
  }
}

function shape(device: string, mbitPerSecond: number, queueBytes: number): string[] {
  const burstBytes = Math.max(MIN_BURST_BYTES, Math.round((mbitPerSecond * 1e6 * BURST_MS) / 8000));
  const rate = ['rate', `${mbitPerSecond}mbit`, 'burst', String(burstBytes), 'limit', String(queueBytes)];
  return ['qdisc', 'add', 'dev', device, 'root', 'tbf', ...rate];
}

/** Every pair that talks needs a neighbour entry, and all namespaces share one table. Put back afterwards. */
async function raiseNeighbourTable(scratch: Scratch): Promise<void> {
  for (const [i, value] of [4096, 8192, 16384].entries()) {
    const path = `/proc/sys/net/ipv4/neigh/default/gc_thresh${i + 1}`;
    const before = await readFile(path, 'utf8');
    if (Number(before) >= value) continue;
    await writeFile(path, String(value));
    scratch.defer('neighbour table', () => writeFile(path, before));
  }
}

/** A namespace may only choose among what the host allows. Put back afterwards. */
async function allowCongestionControl(scratch: Scratch): Promise<void> {
  const path = '/proc/sys/net/ipv4/tcp_allowed_congestion_control';
  const before = (await readFile(path, 'utf8')).trim();
  if (before.split(' ').includes(CONGESTION_CONTROL)) return;
  await writeFile(path, `${before} ${CONGESTION_CONTROL}`);
  scratch.defer('congestion control', () => writeFile(path, before));
}
