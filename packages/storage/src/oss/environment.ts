/** OSS keys without a secret file. ali-oss has no chain of its own; these are the names that OSS's other SDKs read. */
import { TidecacheError } from '@tidecache/protocol';
import type { CredentialSource, Credentials } from '../credentials.js';

export function credentialsFromEnvironment(
  uri: string,
  // As the S3 SDK's own chain does; nothing else in this package reads the environment.
  environment: NodeJS.ProcessEnv = process.env,
): CredentialSource {
  const accessKeyId = environment.OSS_ACCESS_KEY_ID;
  const secretAccessKey = environment.OSS_ACCESS_KEY_SECRET;
  const sessionToken = environment.OSS_SESSION_TOKEN;
  if (!accessKeyId || !secretAccessKey) {
    return async () => {
      throw new TidecacheError(
        'ACCESS_DENIED',
        `no credentials for ${uri} (give the dataset a credentials file, or set OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET)`,
      );
    };
  }
  const credentials: Credentials = { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
  return async () => credentials;
}
