/**
 * A Docker engine of the suite's own: its data, state, socket and log live in the scratch directory, so that nothing
 * is shared with an engine that may run on the machine, and nothing of it stays.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { run } from '../lab/command.js';
import { findProgram } from '../lab/debian.js';
import type { Scratch } from '../lab/scratch.js';
import { Service } from '../lab/service.js';

/** The bridge on the host of the network that containers share; a name has at most 15 characters. */
export const BRIDGE = `tidecache${process.pid}`;

const START_MS = 60_000;
const STOP_MS = 40_000;
const CALL_MS = 60_000;

export interface DockerCall {
  readonly deadlineMs?: number;
  readonly input?: Readable;
}

/** Runs `docker ARGS…` against the suite's engine; resolves to its standard output, trimmed. */
export type Docker = (args: readonly string[], call?: DockerCall) => Promise<string>;

export async function startDocker(scratch: Scratch, signal: AbortSignal): Promise<Docker> {
  const configFile = scratch.path('daemon.json'); // instead of the machine's
  const dirs = { data: scratch.path('docker-data'), exec: scratch.path('docker-exec') };
  const socket = `unix://${scratch.path('docker.sock')}`;
  writeFileSync(configFile, '{}');
  mkdirSync(scratch.path('docker-client'));
  scratch.defer('mounts', () => unmountBelow(scratch.dir));
  scratch.defer('the bridge', () => deleteBridge());
  scratch.defer("the engine's containerd", () => endContainerd(dirs.exec));

  const daemon = new Service({
    name: 'dockerd',
    // In a session of its own, Ctrl-C does not reach it: it is stopped when nothing else uses it.
    command: 'setsid',
    args: [
      findProgram('dockerd') ?? 'dockerd',
      `--config-file=${configFile}`,
      `--data-root=${dirs.data}`,
      `--exec-root=${dirs.exec}`,
      `--pidfile=${scratch.path('docker.pid')}`,
      `--host=${socket}`,
      // Containers talk to each other over a bridge of the suite's own, and builds use the host's network: none needs
      // a default bridge, forwarding or address translation. So the machine's packet filter is not touched.
      '--bridge=none',
      '--iptables=false',
      '--ip6tables=false',
      '--ip-masq=false',
      '--ip-forward=false',
    ],
  });
  // It stops its containers, as `docker stop` does, before it ends.
  scratch.defer('dockerd', () => daemon.stop(STOP_MS));
  await daemon.line('API', (line) => line.includes('API listen on') || undefined, START_MS);

  // Debian's client, whose version is the engine's; the machine may have another first in its PATH.
  const client = existsSync('/usr/bin/docker') ? '/usr/bin/docker' : 'docker';
  const env = { DOCKER_HOST: socket, DOCKER_CONFIG: scratch.path('docker-client'), DOCKER_BUILDKIT: '0' };
  return async (args, { deadlineMs = CALL_MS, input } = {}) => {
    if (!daemon.running) throw new Error(`dockerd has ended:\n${daemon.output}`);
    const options = { deadlineMs, env, signal, ...(input && { input }) };
    return (await run(client, args, options)).trim();
  };
}

/** Only an engine that had to be killed leaves its containerd behind. */
function endContainerd(execRoot: string): void {
  const pidFile = `${execRoot}/containerd/containerd.pid`;
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, 'utf8'));
  const commandLine = `/proc/${pid}/cmdline`;
  // The number may be another process's by now.
  if (!existsSync(commandLine) || !readFileSync(commandLine, 'utf8').includes(execRoot)) return;
  process.kill(pid, 'SIGKILL');
}

/** An engine leaves the bridges of its networks behind. */
async function deleteBridge(): Promise<void> {
  if (existsSync(`/sys/class/net/${BRIDGE}`)) await run('ip', ['link', 'delete', BRIDGE]);
}

/** Detaches every mount below a directory, the innermost first. */
async function unmountBelow(dir: string): Promise<void> {
  for (const point of mountPoints()
    .filter((path) => path.startsWith(`${dir}/`))
    .reverse()) {
    await run('umount', ['--lazy', point]);
  }
}

/** Where something is mounted, in the order of mounting. */
export function mountPoints(): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').trimEnd().split('\n');
  return lines.map((line) => (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, fromOctal));
}

function fromOctal(_: string, digits: string): string {
  return String.fromCharCode(Number.parseInt(digits, 8));
}
