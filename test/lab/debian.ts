/** Programs from Debian's archive, for suites that need servers which npm does not have. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './command.js';

const UPDATE_MS = 5 * 60_000;
const INSTALL_MS = 15 * 60_000;

/** Installs the packages of those programs that are missing: `{ dockerd: 'docker.io' }`. Needs root for it. */
export async function needPrograms(
  packageOf: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<void> {
  const missing = Object.keys(packageOf).filter((program) => findProgram(program) === undefined);
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((program) => packageOf[program] ?? program))];
  const command = `apt-get install --no-install-recommends ${packages.join(' ')}`;
  if (process.getuid?.() !== 0 || findProgram('apt-get') === undefined) {
    throw new Error(`${missing.join(', ')} missing: on Debian 12, as root, run: ${command}`);
  }
  console.error(`# ${command}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const stop = signal === undefined ? {} : { signal };
  await run('apt-get', ['update', '-q'], { env, ...stop, deadlineMs: UPDATE_MS });
  const install = ['install', '-q', '-y', '--no-install-recommends', ...packages];
  await run('apt-get', install, { env, ...stop, deadlineMs: INSTALL_MS });
}

/** Where a program is, by PATH and where Debian keeps those for root. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
