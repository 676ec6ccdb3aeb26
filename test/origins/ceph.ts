/**
 * A Ceph cluster of one monitor, one manager, one object store in memory and an S3 gateway, on loopback: the strictest
 * S3 server that Debian ships. Everything of it lies in the scratch directory.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { run } from '../lab/command.js';
import { freePorts } from '../lab/ports.js';
import type { Scratch } from '../lab/scratch.js';
import { Service } from '../lab/service.js';
import { until } from '../lab/until.js';
import { cephConfig, DAEMONS, type Daemon } from './ceph-config.js';

const MONITOR_MS = 30_000;
/** From its first start the gateway makes its pools; 12 s on an idle machine. */
const GATEWAY_MS = 120_000;
const STOP_MS = 10_000;

export interface S3User {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface Ceph {
  /** The gateway's URL. */
  readonly endpoint: string;
  createUser(name: string): Promise<S3User>;
}

export async function startCeph(scratch: Scratch, signal: AbortSignal): Promise<Ceph> {
  const [monitorPort = 0, gatewayPort = 0] = await freePorts(2);
  const id = randomUUID();
  const dir = scratch.path('ceph');
  for (const folder of ['run', 'log', 'crash', 'mon', 'osd', 'mgr', 'rgw']) {
    mkdirSync(`${dir}/${folder}`, { recursive: true });
  }
  const configFile = `${dir}/ceph.conf`;
  writeFileSync(configFile, cephConfig({ id, dir, monitorPort, gatewayPort }));
  const ceph = (program: string, ...args: string[]) =>
    run(program, ['--conf', configFile, ...args], { signal, deadlineMs: MONITOR_MS });
  const start = (daemon: Daemon) => startDaemon(scratch, configFile, daemon);

  await makeKeys(dir, signal);
  const address = `[v2:127.0.0.1:${monitorPort}]`;
  const map = `${dir}/monmap`;
  await run('monmaptool', ['--create', '--fsid', id, '--addv', 'a', address, map], { signal });
  await ceph('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map, '--keyring', `${dir}/mon.keyring`);
  start(DAEMONS.mon);

  const store = randomUUID();
  await ceph('ceph', 'osd', 'new', store); // waits for the monitor
  await ceph('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', store);
  start(DAEMONS.mgr);
  start(DAEMONS.osd);
  const gateway = start(DAEMONS.rgw);

  const endpoint = `http://127.0.0.1:${gatewayPort}`;
  const answers = async () => {
    if (!gateway.running) throw new Error(`radosgw has ended:\n${gatewayLog(dir)}\n${gateway.output}`);
    const answer = await fetch(endpoint, { signal: AbortSignal.timeout(STOP_MS) });
    return answer.ok || undefined;
  };
  await until('answer from the S3 gateway', answers, { deadlineMs: GATEWAY_MS, signal });
  return { endpoint, createUser: (name) => createUser(ceph, name) };
}

/** A secret for each daemon, and the monitor's own list of them. */
async function makeKeys(dir: string, signal: AbortSignal): Promise<void> {
  for (const { entity, keyring, capabilities } of Object.values(DAEMONS)) {
    const caps = capabilities.flatMap(([of, what]) => ['--cap', of, what]);
    const path = `${dir}/${keyring}`;
    await run('ceph-authtool', ['--create-keyring', path, '--gen-key', '-n', entity, ...caps], { signal });
    if (keyring === DAEMONS.mon.keyring) continue;
    await run('ceph-authtool', [`${dir}/${DAEMONS.mon.keyring}`, '--import-keyring', path], { signal });
  }
}

function startDaemon(scratch: Scratch, configFile: string, daemon: Daemon): Service {
  const service = new Service({
    name: daemon.program,
    // In a session of its own, Ctrl-C does not reach it: the daemons are stopped in order.
    command: 'setsid',
    args: [daemon.program, '--conf', configFile, '--foreground', ...daemon.args],
  });
  // An object store whose monitor is gone may never end by itself: it gets SIGKILL then.
  scratch.defer(daemon.program, () => service.stop(STOP_MS));
  return service;
}

async function createUser(
  ceph: (program: string, ...args: string[]) => Promise<string>,
  name: string,
): Promise<S3User> {
  const told = await ceph('radosgw-admin', 'user', 'create', `--uid=${name}`, `--display-name=${name}`);
  const { keys } = JSON.parse(told) as { keys: { access_key: string; secret_key: string }[] };
  const [key] = keys;
  if (!key) throw new Error(`radosgw-admin made a user without keys: ${told}`);
  return { accessKeyId: key.access_key, secretAccessKey: key.secret_key };
}

function gatewayLog(dir: string): string {
  return readFileSync(`${dir}/log/${DAEMONS.rgw.entity}.log`, 'utf8').slice(-4_000);
}
