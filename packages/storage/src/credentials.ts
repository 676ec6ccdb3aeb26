/**
 * Keys from a secret file: JSON with accessKeyId, secretAccessKey and, where there is one, sessionToken. The file is
 * read again when it changes, so keys can be rotated under a running process. No message ever shows what is in it.
 */
import { open } from 'node:fs/promises';
import { TidecacheError } from '@tidecache/protocol';
import { MAX_SECRET_BYTES, SECRET_CHECK_MS } from './limits.js';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** The same object as long as the keys are the same. */
export type CredentialSource = () => Promise<Credentials>;

export function credentialsFromFile(
  path: string,
  now: () => number = () => performance.now(),
): CredentialSource {
  let known: { readonly stamp: string; readonly credentials: Credentials } | undefined;
  let checkedAtMs = Number.NEGATIVE_INFINITY;
  return async () => {
    if (known && now() - checkedAtMs < SECRET_CHECK_MS) return known.credentials;
    const file = await read(path, known?.stamp);
    if (file.text !== undefined) known = { stamp: file.stamp, credentials: parse(path, file.text) };
    checkedAtMs = now();
    if (!known) throw refused(path, 'it could not be read');
    return known.credentials;
  };
}

/** The file's stamp, and its text unless the stamp is `knownStamp`. */
async function read(path: string, knownStamp?: string): Promise<{ stamp: string; text?: string }> {
  try {
    const file = await open(path, 'r');
    try {
      const stat = await file.stat({ bigint: true });
      const stamp = `${stat.ino}-${stat.size}-${stat.mtimeNs}`;
      if (stamp === knownStamp) return { stamp };
      if (!stat.isFile()) throw refused(path, 'it is not a file');
      if (stat.size > BigInt(MAX_SECRET_BYTES)) throw refused(path, `it is over ${MAX_SECRET_BYTES} bytes`);
      return { stamp, text: await file.readFile('utf8') };
    } finally {
      await file.close();
    }
  } catch (thrown) {
    if (thrown instanceof TidecacheError) throw thrown;
    const code = (thrown as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new TidecacheError(
      'ACCESS_DENIED',
      `cannot read the credentials file ${path}: ${code} (it must exist on this host, readable by this process)`,
      { cause: thrown },
    );
  }
}

function parse(path: string, text: string): Credentials {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // No cause: the parser's message quotes the text.
    throw refused(path, 'it is not JSON');
  }
  if (typeof value !== 'object' || value === null) throw refused(path, 'it is not a JSON object');
  const fields = value as Record<string, unknown>;
  const accessKeyId = required(path, fields, 'accessKeyId');
  const secretAccessKey = required(path, fields, 'secretAccessKey');
  const token = fields.sessionToken;
  if (token === undefined || token === null || token === '') return { accessKeyId, secretAccessKey };
  return { accessKeyId, secretAccessKey, sessionToken: required(path, fields, 'sessionToken') };
}

function required(path: string, fields: Record<string, unknown>, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string' || value.trim() === '')
    throw refused(path, `${name} is missing or no string`);
  return value.trim();
}

const refused = (path: string, why: string) =>
  new TidecacheError(
    'ACCESS_DENIED',
    `bad credentials file ${path}: ${why} (write {"accessKeyId": "…", "secretAccessKey": "…"})`,
  );
