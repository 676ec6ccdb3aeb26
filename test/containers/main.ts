/**
 * `npm run test:containers`: builds docker/ and runs a cluster of its images, in a Docker engine of its own. Needs
 * root on Debian 12. Ends with `N passed, N failed`, and nothing left behind.
 */
import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { needPrograms } from '../lab/debian.js';
import type { Scratch } from '../lab/scratch.js';
import { undoing } from '../lab/undoing.js';
import { until } from '../lab/until.js';
import { makeBaseImage } from './base-image.js';
import { Checks } from './checks.js';
import { ContainerCluster, NAS_DIR, PARTS, READER, TREE_DIR, WORKERS } from './cluster.js';
import { BRIDGE, mountPoints, startDocker } from './docker-daemon.js';
import { AFTER_KILL, type NasFiles, writeNasFiles } from './nas.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const BASE = 'tidecache-base';
const DATASET = 'nas';
/** A dataset shows in running mounts within a second; a busy machine gets more. */
const SHOWS_MS = 10_000;
/** Workers tell the master their counters with their heartbeats. */
const COUNTED_MS = 30_000;
const KILLED = WORKERS[1];

const checks = new Checks();
const check = checks.check.bind(checks);
let scratchDir = '';
try {
  await undoing('containers', testContainers);
} catch (thrown) {
  checks.fail('the whole run', thrown);
}
await check('nothing is left mounted, nor a bridge', () => {
  assert.ok(!existsSync(`/sys/class/net/${BRIDGE}`));
  assert.deepEqual(
    mountPoints().filter((point) => point.startsWith(scratchDir)),
    [],
  );
});
console.log(`${checks.passed} passed, ${checks.failed} failed`);
process.exit(checks.failed === 0 ? 0 : 1);

async function testContainers(scratch: Scratch, signal: AbortSignal): Promise<void> {
  scratchDir = scratch.dir;
  await needPrograms(
    {
      dockerd: 'docker.io',
      docker: 'docker.io',
      iptables: 'iptables',
      ip: 'iproute2',
      debootstrap: 'debootstrap',
    },
    signal,
  );
  step('a Docker engine of its own');
  const docker = await startDocker(scratch, signal);
  step('the base image');
  await makeBaseImage(docker, BASE, scratch.path('base'), signal);

  const nas = scratch.path('nas');
  mkdirSync(nas);
  const files = writeNasFiles(nas);
  const cluster = await ContainerCluster.prepare(docker, scratch, nas, signal);
  step('the images');
  await cluster.build(BASE, ROOT);
  await check('the images carry what runs and no more', async () => {
    const look =
      'ls -d node_modules/.pnpm/typescript@* node_modules/.pnpm/fuse-* packages/*/test packages/*/src';
    const found = await docker([
      'run',
      '--rm',
      '--entrypoint',
      'sh',
      'tidecache-mount',
      '-c',
      `${look} 2>&-; true`,
    ]);
    assert.equal(found, '');
  });

  step('the cluster');
  await cluster.start(BASE);
  for (const part of PARTS) await check(`${part} becomes healthy`, () => cluster.healthy(part));
  if (checks.failed > 0) return;
  await testRunning(cluster, files, signal);
  await testFailures(cluster, files);
  await testStop(cluster);
}

async function testRunning(cluster: ContainerCluster, files: NasFiles, signal: AbortSignal): Promise<void> {
  await check('master and workers are not root', async () => {
    for (const part of ['master', ...WORKERS]) {
      assert.equal(await cluster.exec(part, 'node', '-p', 'process.getuid()'), '10001', part);
    }
  });
  await check('a dataset shows in the running mount, on the host', async () => {
    await cluster.cli('dataset', 'add', `/${DATASET}`, `nas://${NAS_DIR}`, '--read-only');
    const shown = async () => readdirSync(cluster.hostTree).includes(DATASET) || undefined;
    await until(`/${DATASET}`, shown, { deadlineMs: SHOWS_MS, signal });
  });
  const present = [...files].filter(([name]) => name !== AFTER_KILL);
  for (const [name, { sha256 }] of present) {
    await check(`${name} has its checksum, on the host`, async () => {
      assert.equal(await hashFile(join(cluster.hostTree, DATASET, name)), sha256);
    });
  }
  await check('all files have their checksums, in another container', async () => {
    const paths = present.map(([name]) => `${TREE_DIR}/${DATASET}/${name}`);
    const lines = (await cluster.exec(READER, 'sha256sum', '--', ...paths)).split('\n');
    assert.deepEqual(
      lines.map((line) => line.split(' ')[0]),
      present.map(([, { sha256 }]) => sha256),
    );
  });
  await check('every worker served a share', async () => {
    const allServed = async () => (await served(cluster)).every((bytes) => bytes > 0) || undefined;
    await until('bytes from every worker', allServed, { deadlineMs: COUNTED_MS, signal });
    console.log(`# served bytes: ${(await served(cluster)).join(' ')}`);
  });
}

async function testFailures(cluster: ContainerCluster, files: NasFiles): Promise<void> {
  await check(`with ${KILLED} killed, a file that nobody has read yet has its checksum`, async () => {
    await cluster.kill(KILLED);
    assert.equal(await hashFile(join(cluster.hostTree, DATASET, AFTER_KILL)), files.get(AFTER_KILL)?.sha256);
  });
  await check('the master, restarted, knows its datasets', async () => {
    await cluster.restart('master');
    await cluster.healthy('master');
    assert.match(await cluster.cli('dataset', 'ls', '--json'), new RegExp(`"/${DATASET}"`));
  });
  await check('and the mount goes on', async () => {
    assert.ok(readdirSync(join(cluster.hostTree, DATASET)).includes(AFTER_KILL));
    await cluster.healthy('mount');
  });
  await check(
    'a mount that was killed comes back when it is started again, for running applications too',
    async () => {
      await cluster.kill('mount');
      await cluster.startAgain('mount');
      await cluster.healthy('mount');
      const path = `${TREE_DIR}/${DATASET}/${AFTER_KILL}`;
      assert.match(
        await cluster.exec(READER, 'sha256sum', '--', path),
        new RegExp(`^${files.get(AFTER_KILL)?.sha256}`),
      );
    },
  );
}

async function testStop(cluster: ContainerCluster): Promise<void> {
  for (const part of [...PARTS].reverse()) {
    if (part === KILLED) continue;
    const stopped = await check(`${part} ends with status 0 when it is stopped`, async () => {
      assert.equal(await cluster.stop(part), 0);
    });
    if (!stopped) console.log((await cluster.log(part)).replace(/^/gm, '# '));
    if (part !== 'mount') continue;
    await check('the mount is gone from the host', () => {
      assert.ok(!mountPoints().includes(cluster.hostTree));
    });
  }
}

async function served(cluster: ContainerCluster): Promise<number[]> {
  const status = JSON.parse(await cluster.cli('status', '--json')) as {
    workers: { stats?: { servedBytes: number } }[];
  };
  const bytes = status.workers.map((worker) => worker.stats?.servedBytes ?? 0);
  assert.equal(bytes.length, WORKERS.length);
  return bytes;
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function step(what: string): void {
  console.log(`# ${what}`);
}
