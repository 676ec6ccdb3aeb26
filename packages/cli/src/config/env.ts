/** The environment: `TIDECACHE_…`, one variable for each key. */
import { UsageError } from '../errors.js';
import { didYouMean } from './nearest.js';
import { type ConfigKey, KEYS } from './schema.js';
import type { Written } from './source.js';

export type Env = Readonly<Record<string, string | undefined>>;

/** Variables that are not keys. */
export const CONFIG_VARIABLE = 'TIDECACHE_CONFIG';
export const SECRET_VARIABLE = 'TIDECACHE_SECRET';

/**
 * What Kubernetes and Docker links put into every container for a service named `tidecache…`: not configuration,
 * and not an error either.
 */
const SERVICE_VARIABLE =
  /^TIDECACHE(_.*)?_(SERVICE_(HOST|PORT(_.*)?)|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/;

/** Throws {@link UsageError} on a `TIDECACHE_…` variable that is none of ours. */
export function readEnv(env: Env): Map<ConfigKey, Written> {
  const rows = new Map(KEYS.map((row) => [row.env, row.key]));
  const written = new Map<ConfigKey, Written>();
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('TIDECACHE_') || value === undefined) continue;
    if (name === CONFIG_VARIABLE || name === SECRET_VARIABLE || SERVICE_VARIABLE.test(name)) continue;
    const key = rows.get(name);
    if (!key) {
      const near = didYouMean(name, [...rows.keys(), CONFIG_VARIABLE, SECRET_VARIABLE]);
      throw new UsageError(`unknown variable ${name} in the environment${near || '; unset it'}`);
    }
    written.set(key, { value, source: { kind: 'env', name } });
  }
  return written;
}
