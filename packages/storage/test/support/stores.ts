/** A strict server with one bucket, and origins of both dialects on it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Origin } from '../../src/api.js';
import type { Credentials } from '../../src/credentials.js';
import { openOrigin } from '../../src/open.js';
import { type RetryTools, realTools } from '../../src/retry.js';
import {
  type OriginServer,
  startOriginServer,
  TEST_CREDENTIALS,
  writeCredentials,
} from '../../src/testing/index.js';

export const DIALECTS = ['s3', 'oss'] as const;
export type Dialect = (typeof DIALECTS)[number];

/** Pauses take no time. */
export const eager: RetryTools = { ...realTools, sleep: async () => {} };

export interface Stores {
  readonly server: OriginServer;
  readonly directory: string;
  open(dialect: Dialect, options?: OpenOptions): Promise<Origin>;
}

export interface OpenOptions {
  readonly bucket?: string;
  readonly credentials?: Credentials;
  readonly endpoint?: string;
  readonly region?: string;
  readonly tools?: RetryTools;
}

export async function startStores(t: Test): Promise<Stores> {
  const directory = await mkdtemp(join(tmpdir(), 'tidecache-stores-'));
  const server = await startOriginServer({ buckets: ['bucket'] });
  const opened: Origin[] = [];
  t.teardown(async () => {
    await Promise.all(opened.map((origin) => origin.close()));
    await server.close();
    await rm(directory, { recursive: true });
  });
  return {
    server,
    directory,
    async open(dialect, options = {}) {
      const name = `keys-${opened.length}.json`;
      const credentialsFile = await writeCredentials(
        directory,
        options.credentials ?? TEST_CREDENTIALS,
        name,
      );
      const origin = openOrigin(
        `${dialect}://${options.bucket ?? 'bucket'}/p`,
        {
          endpoint: options.endpoint ?? (dialect === 's3' ? server.url : server.namedUrl),
          region: options.region ?? server.region,
          pathStyle: true,
          credentialsFile,
        },
        options.tools ?? eager,
      );
      opened.push(origin);
      return origin;
    },
  };
}
