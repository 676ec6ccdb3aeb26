/**
 * The image that the Dockerfile builds on, made from Debian's archive and this machine's own Node: no image registry
 * is needed.
 */
import { spawn } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from '../lab/command.js';
import type { Docker } from './docker-daemon.js';

const DEBOOTSTRAP_MS = 15 * 60_000;
const IMPORT_MS = 5 * 60_000;
const SUITE = 'bookworm';
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/** Makes the image `name` in `dir`, which it removes. */
export async function makeBaseImage(
  docker: Docker,
  name: string,
  dir: string,
  signal: AbortSignal,
): Promise<void> {
  const include = '--include=ca-certificates,fuse3,libstdc++6';
  const mirror = await debianMirror(signal);
  await run('debootstrap', ['--variant=minbase', include, SUITE, dir, ...mirror], {
    signal,
    deadlineMs: DEBOOTSTRAP_MS,
  });
  rmSync(join(dir, 'var/cache/apt'), { recursive: true });
  rmSync(join(dir, 'var/lib/apt/lists'), { recursive: true });

  copyFileSync(process.execPath, join(dir, 'usr/bin/node'));
  const modules = (await run('npm', ['root', '--global'], { signal })).trim();
  const target = join(dir, 'usr/lib/node_modules/npm');
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(modules, 'npm'), target, { recursive: true });
  for (const program of ['npm', 'npx']) {
    symlinkSync(`../lib/node_modules/npm/bin/${program}-cli.js`, join(dir, 'usr/bin', program));
  }
  // What the machine trusts, the builds trust: its way to the npm registry may lead through a proxy with a
  // certificate of its own.
  const changes = [];
  if (existsSync(CERTIFICATES)) {
    copyFileSync(CERTIFICATES, join(dir, CERTIFICATES));
    changes.push(`ENV NODE_EXTRA_CA_CERTS=${CERTIFICATES}`);
  }
  const registry = (await run('npm', ['config', 'get', 'registry'], { signal })).trim();
  changes.push(`ENV npm_config_registry=${registry}`);
  await importDirectory(docker, name, dir, changes);
  rmSync(dir, { recursive: true });
}

/** Where this machine's own packages come from, if that can be told. */
async function debianMirror(signal: AbortSignal): Promise<string[]> {
  const format = ['--format', '$(RELEASE) $(COMPONENT) $(SITE)', 'Created-By: Packages'];
  const targets = await run('apt-get', ['indextargets', ...format], { signal });
  const line = targets.split('\n').find((target) => target.startsWith(`${SUITE} main `));
  return line === undefined ? [] : [line.split(' ')[2] ?? ''];
}

async function importDirectory(docker: Docker, name: string, dir: string, changes: string[]): Promise<void> {
  const tar = spawn('tar', ['-C', dir, '-c', '.'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const flags = changes.flatMap((change) => ['--change', change]);
  await docker(['import', ...flags, '-', name], { input: tar.stdout, deadlineMs: IMPORT_MS });
}
