import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { t } from 'tap';
import { openOrigin } from '../../src/index.js';
import { originSuite, TEST_CREDENTIALS, writeCredentials } from '../../src/testing/index.js';
import { startFauxqs } from '../support/fauxqs.js';

const directory = await mkdtemp(join(tmpdir(), 'tidecache-s3-'));
const credentialsFile = await writeCredentials(directory, TEST_CREDENTIALS);
const fauxqs = await startFauxqs();
await fauxqs.createBucket('suite');
t.teardown(async () => {
  await fauxqs.close();
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
