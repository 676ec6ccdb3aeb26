/** The shared secret: from a file or the environment, never from argv or the configuration file, never logged. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../errors.js';
import { MAX_SECRET_BYTES, MIN_SECRET_CHARACTERS } from '../limits.js';
import { type Env, SECRET_VARIABLE } from './env.js';
import type { Loaded } from './load.js';
import { describeSource } from './source.js';

const HOW_TO_MAKE_ONE =
  "make one with '(umask 077; openssl rand -hex 32 > FILE)' and give it to every part as --secret-file FILE, " +
  'TIDECACHE_SECRET_FILE or TIDECACHE_SECRET';

/** The file in the data directory that `up` makes, and that commands run beside it find by themselves. */
export function localSecretFile(dataDir: string): string {
  return join(dataDir, 'secret');
}

/**
 * --secret-file, else TIDECACHE_SECRET, else TIDECACHE_SECRET_FILE, else the file's `secretFile`, else the data
 * directory's. Throws {@link UsageError} when there is none, it is too short, or its file can't be read.
 */
export function findSecret({ config, written }: Loaded, env: Env): string {
  const source = written.get('secretFile')?.source;
  const given = env[SECRET_VARIABLE];
  if (given !== undefined && source?.kind !== 'flag') {
    if (source?.kind === 'env') {
      throw new UsageError(`${SECRET_VARIABLE} and ${source.name} are both set: unset one of them`);
    }
    return checked(given.trim(), SECRET_VARIABLE);
  }
  if (config.secretFile !== undefined) {
    return fromFile(config.secretFile, source ? describeSource(source) : 'secretFile');
  }
  const local = localSecretFile(config.dataDir);
  if (existsSync(local)) return fromFile(local, 'the data directory');
  throw new UsageError(`no secret: ${HOW_TO_MAKE_ONE}`);
}

/** The same, but where there is none one is made, in the data directory, readable by its owner alone. */
export function findOrMakeSecret(loaded: Loaded, env: Env): string {
  const { dataDir, secretFile } = loaded.config;
  const local = localSecretFile(dataDir);
  if (env[SECRET_VARIABLE] === undefined && secretFile === undefined && !existsSync(local)) {
    try {
      mkdirSync(dataDir, { recursive: true, mode: 0o700 });
      writeFileSync(local, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
    } catch (cause) {
      throw new UsageError(
        `cannot write ${local}: ${(cause as Error).message} (choose another --data-dir, or give a secret: ` +
          `${HOW_TO_MAKE_ONE})`,
        { cause },
      );
    }
  }
  return findSecret(loaded, env);
}

function fromFile(path: string, where: string): string {
  let content: string;
  try {
    const facts = statSync(path);
    if (facts.isDirectory()) throw new Error('it is a directory');
    if (facts.size > MAX_SECRET_BYTES) throw new Error(`it has over ${MAX_SECRET_BYTES} bytes`);
    content = readFileSync(path, 'utf8');
  } catch (cause) {
    const reason =
      (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (cause as Error).message;
    throw new UsageError(`${where}: cannot read the secret in ${path}: ${reason}`, { cause });
  }
  // Editors and `echo` end a file with a newline that is no part of the secret.
  return checked(content.trim(), `${where}: ${path}`);
}

function checked(secret: string, where: string): string {
  if (secret.length < MIN_SECRET_CHARACTERS) {
    throw new UsageError(
      `${where}: the secret has ${secret.length} characters, at least ${MIN_SECRET_CHARACTERS} are needed; ` +
        HOW_TO_MAKE_ONE,
    );
  }
  return secret;
}
