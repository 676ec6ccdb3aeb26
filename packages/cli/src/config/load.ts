/** File < environment < flags, merged, then checked once. */
import { UsageError } from '../errors.js';
import { CONFIG_VARIABLE, type Env, readEnv } from './env.js';
import { readConfigFile } from './file.js';
import { type Config, type ConfigKey, ConfigSchema, keyRow } from './schema.js';
import { describeSource, type Written } from './source.js';

export interface Loaded {
  readonly config: Config;
  /** Where each key that is not at its default was written. */
  readonly written: ReadonlyMap<ConfigKey, Written>;
}

export interface LoadInit {
  /** Flags that were given, as text, by key. */
  readonly flags: ReadonlyMap<ConfigKey, string>;
  /** `--config`; else TIDECACHE_CONFIG; else no file. */
  readonly configFile?: string | undefined;
  readonly env: Env;
}

/** Throws {@link UsageError} naming where the first wrong value was written, and what would be right. */
export function loadConfig({ flags, configFile, env }: LoadInit): Loaded {
  const path = configFile ?? env[CONFIG_VARIABLE];
  if (path === '')
    throw new UsageError(`${configFile === '' ? '--config' : CONFIG_VARIABLE} is empty: name a file`);
  const written = new Map<ConfigKey, Written>([
    ...(path === undefined ? [] : readConfigFile(path)),
    ...readEnv(env),
    ...[...flags].map(([key, value]) => [key, fromFlag(key, value)] as const),
  ]);
  return { config: check(written), written };
}

function fromFlag(key: ConfigKey, value: string): Written {
  const flag = keyRow(key).flag.split(' ')[0] ?? key;
  return { value, source: { kind: 'flag', flag } };
}

function check(written: ReadonlyMap<ConfigKey, Written>): Config {
  const tree: Record<string, unknown> = {};
  for (const [key, { value }] of written) {
    const [section, name] = key.split('.') as [string, string?];
    if (name === undefined) tree[section] = value;
    else tree[section] = { ...(tree[section] as object | undefined), [name]: value };
  }
  const parsed = ConfigSchema.safeParse(tree);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const key = (issue?.path ?? []).slice(0, 2).join('.');
  const source = written.get(key as ConfigKey)?.source;
  const message = issue?.message ?? 'is wrong';
  throw new UsageError(`${source ? describeSource(source) : key}: ${message}`, { cause: parsed.error });
}
