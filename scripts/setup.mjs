#!/usr/bin/env node
/**
 * Makes a fresh clone ready: packages (pnpm, by npx), the build, and what a mount needs from Debian. Each step is
 * skipped when its inputs have not changed, so that it costs a second before every `npm start` and `npm test`.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const forTests = process.argv.includes('--tests');

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 18)) {
  fail(`Node ${process.versions.node} is too old: Tidecache needs 20.18.1 or later`);
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const inputs = ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json', ...packageManifests()];
const stamp = createHash('sha256').update(process.version);
for (const file of inputs) stamp.update(readFileSync(file));
const wanted = stamp.digest('hex');
const stampFile = 'node_modules/.tidecache-setup';
if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== wanted) {
  step('installing packages', 'npx', ['--yes', manifest.packageManager, 'install', '--frozen-lockfile']);
  writeFileSync(stampFile, wanted);
}
step('compiling', 'node_modules/.bin/tsc', ['-b']);
if (forTests && !existsSync('.tap/plugins/package.json'))
  step('preparing tap', 'node_modules/.bin/tap', ['build']);
mountTools();

function packageManifests() {
  const folders = readdirSync('packages').map((name) => `packages/${name}`);
  return [...folders, 'test', 'bench'].map((folder) => `${folder}/package.json`).filter(existsSync);
}

/** The fuse-native transport needs `fusermount` and libfuse 2; the kernel transport needs nothing beyond util-linux. */
function mountTools() {
  if (process.platform !== 'linux' || !existsSync('/dev/fuse')) return;
  const missing = [];
  if (!existsSync('/bin/fusermount') && !existsSync('/usr/bin/fusermount')) missing.push('fuse3');
  if (!hasLibrary('libfuse.so.2')) missing.push('libfuse2');
  if (missing.length === 0) return;
  const install = ['install', '-q', '-y', '--no-install-recommends', ...missing];
  if (process.getuid() !== 0 || !existsSync('/usr/bin/apt-get')) {
    console.error(
      `note: the fuse-native transport is not tried without: apt-get install ${missing.join(' ')}`,
    );
    return;
  }
  const quiet = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  console.error(`setup: installing ${missing.join(' ')}`);
  spawnSync('apt-get', ['update', '-q'], quiet);
  if (spawnSync('apt-get', install, quiet).status !== 0)
    console.error(
      `note: ${missing.join(' ')} could not be installed; the fuse-native transport is not tried`,
    );
}

/** Whether the dynamic linker finds it. */
function hasLibrary(name) {
  const known = spawnSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' });
  return known.status === 0 && known.stdout.includes(name);
}

/** Runs a step quietly; its output is shown only when it fails. */
function step(what, command, args) {
  console.error(`setup: ${what}`);
  const run = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 28,
  });
  if (run.status === 0) return;
  console.error(run.stdout ?? '', run.stderr ?? '', run.error?.message ?? '');
  fail(`${what} failed: ${command} ${args.join(' ')}`);
}

function fail(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}
