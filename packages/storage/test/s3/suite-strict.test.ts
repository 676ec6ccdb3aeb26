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

const directory = await mkdtemp(join(tmpdir(), 'tidecache-s3-'));
const credentialsFile = await writeCredentials(directory, TEST_CREDENTIALS);
const server = await startOriginServer({ buckets: ['suite'] });
t.teardown(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

let places = 0;

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
