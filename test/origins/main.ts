/**
 * `npm run test:origins`: the compliance suite of origins against a Ceph gateway, made here for it. Needs root on
 * Debian 12. Ends with tap's result, and nothing left behind.
 */
import { writeFileSync } from 'node:fs';
import { type OriginOptions, openOrigin } from '@tidecache/storage';
import { originSuite } from '@tidecache/storage/testing';
import { t } from 'tap';
import { needPrograms } from '../lab/debian.js';
import type { Scratch } from '../lab/scratch.js';
import { undoing } from '../lab/undoing.js';
import { type Bucket, makeBucket } from './bucket.js';
import { type S3User, startCeph } from './ceph.js';

const PROGRAMS = {
  'ceph-mon': 'ceph-mon',
  'ceph-mgr': 'ceph-mgr',
  'ceph-osd': 'ceph-osd',
  ceph: 'ceph-common',
  radosgw: 'radosgw',
  'radosgw-admin': 'radosgw',
};
const BUCKET = 'lake';
const CALL_MS = 30_000;
const SUITE_MS = 10 * 60_000;

t.setTimeout(SUITE_MS);
try {
  await undoing('origins', testOrigins);
} catch (thrown) {
  t.fail(`the whole run: ${(thrown as Error).message}`);
}
t.end();

async function testOrigins(scratch: Scratch, signal: AbortSignal): Promise<void> {
  await needPrograms(PROGRAMS, signal);
  console.log('# a Ceph cluster of its own');
  const ceph = await startCeph(scratch, signal);
  const user = await ceph.createUser('lab');
  const bucket = await makeBucket(ceph.endpoint, user, BUCKET);
  scratch.defer('the S3 client', () => bucket.close());
  const options = (name: string, keys: S3User): OriginOptions => {
    const credentialsFile = scratch.path(`${name}.json`);
    writeFileSync(credentialsFile, JSON.stringify(keys), { mode: 0o600 });
    return { endpoint: ceph.endpoint, region: 'us-east-1', pathStyle: true, credentialsFile };
  };

  const right = options('right', user);
  await testCompliance(bucket, right);
  await testRefusals(right, options('wrong', { ...user, secretAccessKey: 'not-the-secret-of-this-user' }));
}

async function testCompliance(bucket: Bucket, options: OriginOptions): Promise<void> {
  let opened = 0;
  const open = async () => {
    const prefix = `suite-${++opened}`;
    const origin = openOrigin(`s3://${BUCKET}/${prefix}`, options);
    return {
      origin,
      putRaw: (key: string, bytes: Uint8Array) => bucket.put(`${prefix}/${key}`, bytes),
      close: () => origin.close(),
    };
  };
  await t.test('every origin', { timeout: SUITE_MS }, async (t) =>
    originSuite(t, { name: 's3 on Ceph', open }),
  );
}

/** What the gateway refuses: each with its code, and a message that names the place and the reason. */
async function testRefusals(right: OriginOptions, wrong: OriginOptions): Promise<void> {
  await t.test('a wrong secret is refused', async (t) => {
    const origin = openOrigin(`s3://${BUCKET}/data`, wrong);
    t.teardown(() => origin.close());
    const refusal = { code: 'ACCESS_DENIED', message: /s3:\/\/lake\/data.*403.*SignatureDoesNotMatch/ };
    const call = { deadlineMs: CALL_MS };
    const read = { version: '"x"', offset: 0, length: 1, into: new Uint8Array(1), ...call };
    await t.rejects(origin.check(call), refusal);
    await t.rejects(origin.list('', call), refusal);
    await t.rejects(origin.read('file', read), { code: 'ACCESS_DENIED' });
    await t.rejects(origin.write('file', Buffer.from('x'), call), refusal);
  });
  await t.test('a bucket that is not there is told', async (t) => {
    const origin = openOrigin('s3://no-such-bucket/data', right);
    t.teardown(() => origin.close());
    await t.rejects(origin.check({ deadlineMs: CALL_MS }), { code: 'NOT_FOUND', message: /no-such-bucket/ });
  });
}
