import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Credentials } from '../credentials.js';

/** Writes a secret file into `directory` and gives its path, for `OriginOptions.credentialsFile`. */
export async function writeCredentials(
  directory: string,
  credentials: Credentials,
  name = 'credentials.json',
) {
  const path = join(directory, name);
  await writeFile(path, JSON.stringify(credentials), { mode: 0o600 });
  return path;
}
