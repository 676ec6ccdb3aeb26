import { TidecacheError } from '@tidecache/protocol';
import type { Origin, OriginOptions } from './api.js';
import { NasOrigin } from './nas/origin.js';
import { ObjectStoreOrigin } from './object-store/origin.js';
import type { RetryTools } from './retry.js';
import { parseOriginUri } from './uri.js';

/**
 * The origin of a URI. Nothing is asked of it yet: `check` does. Throws INVALID on a bad URI or option. An SDK is
 * loaded at its origin's first call, so a process that reads only a NAS never pays for one.
 */
export function openOrigin(uri: string, options: OriginOptions = {}, tools?: RetryTools): Origin {
  const parsed = parseOriginUri(uri);
  checkOptions(uri, options);
  if (parsed.scheme === 'nas') return new NasOrigin(uri, parsed.directory, tools);
  const { bucket } = parsed;
  const load =
    parsed.scheme === 's3'
      ? async () => (await import('./s3/driver.js')).openS3(bucket, options)
      : async () => (await import('./oss/driver.js')).openOss(bucket, options);
  return new ObjectStoreOrigin({ uri, parsed, load, ...(tools && { tools }) });
}

function checkOptions(uri: string, { endpoint }: OriginOptions): void {
  if (endpoint === undefined) return;
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new TidecacheError(
      'INVALID',
      `bad endpoint ${JSON.stringify(endpoint)} for ${uri}: write http://host:port or https://host`,
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new TidecacheError(
      'INVALID',
      `bad endpoint for ${uri}: it holds a password (use a credentials file)`,
    );
  }
}
