import { TidecacheError } from '@tidecache/protocol';

export type OriginUri =
  | {
      readonly scheme: 's3' | 'oss';
      readonly bucket: string;
      /** '' or ends with a slash. */
      readonly prefix: string;
    }
  | {
      readonly scheme: 'nas';
      /** Absolute, without a trailing slash (but for the root's own). */
      readonly directory: string;
      readonly prefix: '';
    };

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/**
 * `s3://bucket/prefix`, `oss://bucket/prefix` or `nas:///dir`. Taken literally: nothing in it is percent-decoded.
 * Throws INVALID, saying what is wrong and how it should look.
 */
export function parseOriginUri(uri: string): OriginUri {
  const match = /^([a-z0-9]+):\/\/(.*)$/s.exec(uri);
  if (!match)
    throw invalid(uri, 'it has no scheme', 's3://bucket/prefix, oss://bucket/prefix or nas:///directory');
  const scheme = match[1] ?? '';
  const rest = match[2] ?? '';
  if (rest.includes('\0')) throw invalid(uri, 'it holds a NUL byte', `${scheme}://… without it`);
  if (scheme === 's3' || scheme === 'oss') return parseBucketUri(uri, scheme, rest);
  if (scheme === 'nas') return parseNasUri(uri, rest);
  throw invalid(uri, `the scheme ${scheme}:// is unknown`, 's3://, oss:// or nas://');
}

function parseBucketUri(uri: string, scheme: 's3' | 'oss', rest: string): OriginUri {
  if (/[?#@]/.test(rest.split('/', 1)[0] ?? '')) {
    throw invalid(
      uri,
      'only a bucket and a prefix belong there',
      `${scheme}://bucket/prefix, with endpoint and keys as options`,
    );
  }
  const slash = rest.indexOf('/');
  const bucket = slash < 0 ? rest : rest.slice(0, slash);
  const path = slash < 0 ? '' : rest.slice(slash + 1);
  if (!BUCKET.test(bucket)) {
    const why = bucket === '' ? 'it names no bucket' : `"${bucket}" is no bucket name`;
    throw invalid(uri, why, `${scheme}://bucket/prefix with 3 to 63 of a-z, 0-9, '.' and '-'`);
  }
  const trimmed = path.replace(/\/+$/, '');
  if (trimmed === '') return { scheme, bucket, prefix: '' };
  for (const name of trimmed.split('/')) {
    if (name === '' || name === '.' || name === '..') {
      throw invalid(uri, `its prefix has the component "${name}"`, `${scheme}://bucket/one/two`);
    }
  }
  return { scheme, bucket, prefix: `${trimmed}/` };
}

function parseNasUri(uri: string, rest: string): OriginUri {
  if (!rest.startsWith('/')) {
    throw invalid(uri, 'the directory must be absolute', `nas:///${rest || 'mnt/data'} (three slashes)`);
  }
  if (rest.split('/').includes('..')) throw invalid(uri, 'it has a ".." in it', 'nas:///mnt/data, resolved');
  const directory = `/${rest
    .split('/')
    .filter((name) => name !== '' && name !== '.')
    .join('/')}`;
  return { scheme: 'nas', directory, prefix: '' };
}

const invalid = (uri: string, why: string, fix: string) =>
  new TidecacheError('INVALID', `bad origin ${JSON.stringify(uri)}: ${why} (write ${fix})`);
