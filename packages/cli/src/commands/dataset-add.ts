import { resolve } from 'node:path';
import {
  asTidecacheError,
  MAX_BLOCK_BYTES,
  type MetadataPolicy,
  MIN_BLOCK_BYTES,
  PAGE_BYTES,
  parseDuration,
  parseSize,
} from '@tidecache/protocol';
import { addDataset, type NewDataset } from '../api.js';
import { UsageError } from '../errors.js';
import { printable } from '../output.js';
import type { Call, Verb } from '../verb.js';
import { API_KEYS, apiOf } from './api-of.js';
import { normalise } from './dataset.js';

export const datasetAdd: Verb = {
  name: 'dataset add',
  summary: 'bind a path in the tree to an origin; it shows in running mounts at once',
  args: [
    { name: 'PATH', help: 'the path in the tree, such as /prices' },
    { name: 'URI', help: 's3://bucket/prefix, oss://bucket/prefix or nas:///directory' },
  ],
  keys: API_KEYS,
  options: [
    { flag: '--read-only', help: 'refuse writes' },
    {
      flag: '--metadata <POLICY>',
      help: 'when the origin is asked again: once, always or ttl=DURATION (ttl=60s by default)',
    },
    { flag: '--block-size <SIZE>', help: 'unit of caching (4MiB by default)' },
    { flag: '--endpoint <URL>', help: "the object storage's endpoint" },
    { flag: '--region <REGION>', help: "the object storage's region" },
    { flag: '--path-style', help: 'the bucket goes into the path of requests, not into the host name' },
    {
      flag: '--credentials-file <FILE>',
      help: 'the keys, in a file at this path on the master, the workers and the mounts',
    },
  ],
  examples: [
    'tidecache dataset add /prices s3://market/daily --region eu-central-1 --read-only',
    'tidecache dataset add /features nas:///srv/features --metadata ttl=5s',
    'tidecache dataset add /lake s3://lake --endpoint http://127.0.0.1:9000 --path-style --credentials-file lake.keys',
  ],
  async run(call) {
    const dataset = await readDataset(call);
    const added = await addDataset(apiOf(call), dataset);
    call.print(
      call.json ? JSON.stringify(added) : `added ${printable(added.path)} from ${printable(added.uri)}`,
    );
  },
};

/** The dataset that the command line asks for. Throws {@link UsageError} naming the flag. */
export async function readDataset({ args, options }: Pick<Call, 'args' | 'options'>): Promise<NewDataset> {
  // Imported when it's needed: it brings the object storages' SDKs.
  const { parseOriginUri } = await import('@tidecache/storage');
  const [path = '', uri = ''] = args;
  named('URI', () => parseOriginUri(uri));
  const blockSize = textOf(options.blockSize);
  const endpoint = textOf(options.endpoint);
  const region = textOf(options.region);
  const credentialsFile = textOf(options.credentialsFile);
  return {
    path: normalise(path),
    uri,
    readOnly: options.readOnly === true,
    metadata: named('--metadata', () => parseMetadata(textOf(options.metadata) ?? 'ttl=60s')),
    ...(blockSize !== undefined && { blockBytes: named('--block-size', () => parseBlockSize(blockSize)) }),
    options: {
      ...(endpoint !== undefined && { endpoint: named('--endpoint', () => checkUrl(endpoint)) }),
      ...(region !== undefined && { region }),
      ...(options.pathStyle === true && { pathStyle: true }),
      // Other processes read it, with other working directories.
      ...(credentialsFile !== undefined && { credentialsFile: resolve(credentialsFile) }),
    },
  };
}

const textOf = (value: string | boolean | undefined) => (typeof value === 'string' ? value : undefined);

function named<T>(flag: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new UsageError(`${flag}: ${asTidecacheError(cause).message}`, { cause });
  }
}

/** `once`, `always` or `ttl=60s`. */
function parseMetadata(written: string): MetadataPolicy {
  if (written === 'once' || written === 'always') return written;
  if (!written.startsWith('ttl=')) {
    throw new UsageError(`'${written}' is no policy: give once, always or ttl=DURATION, such as ttl=60s`);
  }
  const ttlMs = parseDuration(written.slice('ttl='.length));
  if (ttlMs <= 0) throw new UsageError(`'${written}' keeps nothing: give always`);
  return { ttlMs };
}

function parseBlockSize(written: string): number {
  const bytes = parseSize(written);
  if (bytes < MIN_BLOCK_BYTES || bytes > MAX_BLOCK_BYTES || bytes % PAGE_BYTES !== 0) {
    const KiB = 1024;
    throw new UsageError(
      `'${written}' is not a multiple of ${PAGE_BYTES / KiB}KiB ` +
        `from ${MIN_BLOCK_BYTES / KiB}KiB to ${MAX_BLOCK_BYTES / KiB / KiB}MiB`,
    );
  }
  return bytes;
}

function checkUrl(written: string): string {
  const url = URL.canParse(written) ? new URL(written) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new UsageError(`'${written}' is no URL of HTTP, such as http://127.0.0.1:9000`);
  }
  if (url.username || url.password) {
    throw new UsageError('an endpoint holds no credentials: put them in a --credentials-file');
  }
  return written;
}
