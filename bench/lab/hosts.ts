/**
 * Hosts of a given bandwidth on one machine: network namespaces on one bridge, each link shaped at both ends by a
 * token bucket (tc tbf), so that neither direction carries more than its line. Root only.
 */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Scratch } from '@tidecache/test';

const run = promisify(execFile);
/** Names of interfaces may have 15 characters: keep the prefix short. */
const PREFIX = 'tdc';
const NETWORK = '10.231';
/** The bucket holds about 10 ms of the line, and never less than a few full segments of offloaded TCP. */
const BURST_MS = 10;
const MIN_BURST_BYTES = 128 << 10;
const LATENCY_MS = 50;

export interface Host {
  readonly name: string;
  readonly address: string;
  /** Puts a command into the host's network; mounts stay where they are. */
  command(command: string, args: readonly string[]): { command: string; args: string[] };
}

export class Hosts {
  readonly #scratch: Scratch;
  readonly #bridge = `${PREFIX}${process.pid % 100000}`;
  #count = 0;

  private constructor(scratch: Scratch) {
    this.#scratch = scratch;
  }

  /** The bridge; everything goes at the scratch's clean-up. */
  static async start(scratch: Scratch): Promise<Hosts> {
    if (process.getuid?.() !== 0)
      throw new Error('hosts of a given bandwidth need root: they are network namespaces');
    const hosts = new Hosts(scratch);
    await raiseNeighbourTable(scratch);
    await run('ip', ['link', 'add', hosts.#bridge, 'type', 'bridge']);
    scratch.defer('bridge', () => run('ip', ['link', 'del', hosts.#bridge]));
    await run('ip', ['link', 'set', hosts.#bridge, 'up']);
    return hosts;
  }

  async add(mbitPerSecond: number): Promise<Host> {
    const index = ++this.#count;
    const name = `${this.#bridge}-${index}`;
    const address = `${NETWORK}.${index >> 8}.${index & 255}`;
    const port = `${PREFIX}v${process.pid % 10000}x${index}`;
    await run('ip', ['netns', 'add', name]);
    this.#scratch.defer(`namespace ${name}`, () => run('ip', ['netns', 'del', name]));
    await run('ip', ['link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name]);
    await run('ip', ['link', 'set', port, 'master', this.#bridge, 'up']);
    await run('ip', ['-n', name, 'addr', 'add', `${address}/16`, 'dev', 'eth0']);
    for (const device of ['lo', 'eth0']) await run('ip', ['-n', name, 'link', 'set', device, 'up']);
    // Both ends: eth0 shapes what the host sends, the bridge's port what it receives.
    await run('tc', ['-n', name, ...shape('eth0', mbitPerSecond)]);
    await run('tc', shape(port, mbitPerSecond));
    return {
      name,
      address,
      command: (command, args) => ({
        command: 'nsenter',
        args: [`--net=/run/netns/${name}`, command, ...args],
      }),
    };
  }
}

function shape(device: string, mbitPerSecond: number): string[] {
  const burstBytes = Math.max(MIN_BURST_BYTES, Math.round((mbitPerSecond * 1e6 * BURST_MS) / 8000));
  const rate = ['rate', `${mbitPerSecond}mbit`, 'burst', String(burstBytes), 'latency', `${LATENCY_MS}ms`];
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
