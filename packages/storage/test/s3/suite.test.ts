import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { t } from 'tap';
import { openOrigin } from '../../src/index.js';
import {
  originSuite,
  startOriginServer,
  TEST_CREDENTIALS,
  writeCredentials,
} from '../../src/testing/index.js';
import { startFauxqs } from '../support/fauxqs.js';

const directory = await mkdtemp(join(tmpdir(), 'tidecache-s3-'));
const credentialsFile = await writeCredentials(directory, TEST_CREDENTIALS);
const fauxqs = await startFauxqs();
await fauxqs.createBucket('suite');
const server = await startOriginServer({ buckets: ['suite'] });
t.teardown(async () => {
  await Promise.all([fauxqs.close(), server.close()]);
  await rm(directory, { recursive: true });
});

let places = 0;

originSuite(t, {
  name: 's3 on fauxqs',
  lacks: { byteOrder: true, conditionalPut: true },
  async open() {
    const prefix = `place ${places++}`;
    const origin = openOrigin(`s3://suite/${prefix}`, { endpoint: fauxqs.url, credentialsFile });
    return {
      origin,
      putRaw: (key, bytes) => fauxqs.putRaw('suite', `${prefix}/${key}`, bytes),
      close: () => origin.close(),
    };
  },
});

originSuite(t, {
  name: 's3 on the strict server',
  async open() {
    const prefix = `place ${places++}`;
    const { url: endpoint, region } = server;
    const origin = openOrigin(`s3://suite/${prefix}`, { endpoint, region, credentialsFile });
    return {
      origin,
      async putRaw(key, bytes) {
        server.put('suite', `${prefix}/${key}`, bytes);
      },
      close: () => origin.close(),
    };
  },
});
