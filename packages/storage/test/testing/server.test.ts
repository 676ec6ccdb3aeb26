/** The strict server refuses what real ones refuse: else nothing that passes on it would be proven. */
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { t } from 'tap';
import { startOriginServer, TEST_CREDENTIALS } from '../../src/testing/index.js';
import { checkedPayload } from '../../src/testing/server/payload.js';

const server = await startOriginServer({ buckets: ['bucket'] });
const options = {
  endpoint: server.url,
  region: server.region,
  forcePathStyle: true,
  maxAttempts: 1,
} as const;
const client = new S3Client({ ...options, credentials: TEST_CREDENTIALS });
t.teardown(async () => {
  client.destroy();
  await server.close();
});
const at = { Bucket: 'bucket', Key: 'key' };

/** Changes a request after it was signed. */
const tampered = (
  change: (request: { headers: Record<string, string>; query: Record<string, string>; path: string }) => void,
) => {
  const other = new S3Client({
    ...options,
    credentials: TEST_CREDENTIALS,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  other.middlewareStack.add(
    (next) => async (args) => {
      change(args.request as Parameters<typeof change>[0]);
      return next(args);
    },
    { step: 'finalizeRequest', priority: 'low', name: 'tamper' },
  );
  t.teardown(() => other.destroy());
  return other;
};

t.test('no signature, or one that does not fit', async (t) => {
  server.put('bucket', 'key', Buffer.from('hello'));
  const plain = await fetch(`${server.url}/bucket/key`);
  t.equal(plain.status, 403);
  t.match(await plain.text(), '<Code>AccessDenied</Code>');
  const range = tampered((request) => {
    request.headers.range = 'bytes=0-0';
  });
  await t.rejects(range.send(new GetObjectCommand({ ...at, Range: 'bytes=1-2' })), {
    name: 'SignatureDoesNotMatch',
  });
  const path = tampered((request) => {
    request.path = '/bucket/other';
  });
  await t.rejects(path.send(new GetObjectCommand(at)), { name: 'SignatureDoesNotMatch' });
  const query = tampered((request) => {
    request.query.prefix = 'p';
  });
  await t.rejects(query.send(new ListObjectsV2Command({ Bucket: 'bucket' })), {
    name: 'SignatureDoesNotMatch',
  });
  const unsigned = tampered((request) => {
    request.headers['x-amz-copy-source'] = 'bucket/key';
  });
  await t.rejects(unsigned.send(new PutObjectCommand({ ...at, Body: 'x' })), { name: 'AccessDenied' });
  t.equal(server.get('bucket', 'key')?.toString(), 'hello', 'nothing was changed');
});

t.test('bodies that are not what their hashes say', async (t) => {
  const put = new PutObjectCommand({ ...at, Body: 'hello', ContentMD5: Buffer.alloc(16).toString('base64') });
  await t.rejects(client.send(put), { name: 'BadDigest' });
  const crc = new PutObjectCommand({ ...at, Body: 'hello', ChecksumCRC32: 'AAAAAA==' });
  await t.rejects(client.send(crc), { name: 'BadDigest' });
  await client.send(new PutObjectCommand({ ...at, Body: 'by default, with a checksum' }));
  t.equal(server.get('bucket', 'key')?.toString(), 'by default, with a checksum');
  const framed = (body: string, trailer: string) =>
    checkedPayload(
      {
        'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        'x-amz-decoded-content-length': '11',
        'x-amz-trailer': 'x-amz-checksum-crc32',
      },
      Buffer.from(`${body}0\r\nx-amz-checksum-crc32:${trailer}\r\n\r\n`),
    );
  t.equal(framed('6\r\nhello \r\n5\r\nworld\r\n', 'DUoRhQ==').toString(), 'hello world');
  t.throws(() => framed('6\r\nhello \r\n5\r\nworle\r\n', 'DUoRhQ=='), { code: 'BadDigest' });
  t.throws(() => framed('6\r\nhello \r\n', 'DUoRhQ=='), { code: 'IncompleteBody' });
  t.throws(() => framed('ff\r\nhello \r\n', 'DUoRhQ=='), { code: 'IncompleteBody' });
});

t.test('conditions', async (t) => {
  const etag = server.put('bucket', 'key', Buffer.from('hello'));
  await t.rejects(client.send(new PutObjectCommand({ ...at, Body: 'x', IfNoneMatch: '*' })), {
    name: 'PreconditionFailed',
  });
  await client.send(new PutObjectCommand({ ...at, Key: 'other', Body: 'x', IfNoneMatch: '*' }));
  const get = (headers: object) => client.send(new GetObjectCommand({ ...at, ...headers }));
  t.equal(await (await get({ IfMatch: `"${etag}"` })).Body?.transformToString(), 'hello');
  await t.rejects(get({ IfMatch: '"other"' }), {
    name: 'PreconditionFailed',
    $metadata: { httpStatusCode: 412 },
  });
  await t.rejects(
    get({ IfMatch: '"other"', Range: 'bytes=99-' }),
    { name: 'PreconditionFailed' },
    'before the range',
  );
  await t.rejects(client.send(new HeadObjectCommand({ ...at, IfMatch: '"other"' })), {
    name: /./,
    $metadata: { httpStatusCode: 412 },
  });
});

t.test('ranges', async (t) => {
  server.put('bucket', 'key', Buffer.from('hello'));
  server.put('bucket', 'none', Buffer.alloc(0));
  const get = async (Range: string, Key = 'key') => {
    const answer = await client.send(new GetObjectCommand({ ...at, Key, Range }));
    return [answer.$metadata.httpStatusCode, answer.ContentRange, await answer.Body?.transformToString()];
  };
  t.same(await get('bytes=1-2'), [206, 'bytes 1-2/5', 'el']);
  t.same(await get('bytes=3-'), [206, 'bytes 3-4/5', 'lo']);
  t.same(await get('bytes=-2'), [206, 'bytes 3-4/5', 'lo']);
  t.same(await get('bytes=0-99'), [206, 'bytes 0-4/5', 'hello']);
  t.same(await get('bytes=2-1'), [200, undefined, 'hello'], 'nonsense is ignored');
  for (const range of ['bytes=5-', 'bytes=5-9', 'bytes=-0']) {
    await t.rejects(get(range), { name: 'InvalidRange', $metadata: { httpStatusCode: 416 } }, range);
  }
  await t.rejects(get('bytes=0-0', 'none'), { name: 'InvalidRange' });
});

t.test('uploads', async (t) => {
  const start = async () => (await client.send(new CreateMultipartUploadCommand(at))).UploadId;
  const part = async (UploadId: string | undefined, PartNumber: number, Body: Uint8Array) =>
    (await client.send(new UploadPartCommand({ ...at, UploadId, PartNumber, Body }))).ETag;
  const complete = (
    UploadId: string | undefined,
    Parts: { PartNumber: number; ETag: string | undefined }[],
  ) => client.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts } }));
  const id = await start();
  const small = await part(id, 1, Buffer.alloc(10));
  const last = await part(id, 2, Buffer.alloc(10));
  const one = { PartNumber: 1, ETag: small };
  const two = { PartNumber: 2, ETag: last };
  await t.rejects(complete(id, [one, two]), { name: 'EntityTooSmall' });
  await t.rejects(complete(id, [two, one]), { name: 'InvalidPartOrder' });
  await t.rejects(complete(id, [{ PartNumber: 1, ETag: '"00000000000000000000000000000000"' }]), {
    name: 'InvalidPart',
  });
  await t.rejects(complete('none', [one]), { name: 'NoSuchUpload' });
  t.match((await complete(id, [one])).ETag, /-1"$/);
  t.equal(server.openUploads('bucket'), 0);
});

t.test('pages', async (t) => {
  for (const key of ['l/a', 'l/b/1', 'l/b/2', 'l/c', 'l/d/1']) server.put('bucket', key, Buffer.from(key));
  const told: string[] = [];
  let ContinuationToken: string | undefined;
  do {
    const query = { Bucket: 'bucket', Prefix: 'l/', Delimiter: '/', MaxKeys: 1, ContinuationToken };
    const page = await client.send(new ListObjectsV2Command(query));
    t.equal(page.KeyCount, 1);
    told.push(
      ...(page.Contents ?? []).map((object) => object.Key ?? ''),
      ...(page.CommonPrefixes ?? []).map((p) => p.Prefix ?? ''),
    );
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken);
  t.same(told, ['l/a', 'l/b/', 'l/c', 'l/d/']);
});

t.test('the log', async (t) => {
  server.put('bucket', 'key', Buffer.alloc(100));
  server.clearLog();
  const get = async () =>
    (await client.send(new GetObjectCommand({ ...at, Range: 'bytes=10-19' }))).Body?.transformToByteArray();
  await get();
  t.match(server.log, [
    { method: 'GET', bucket: 'bucket', key: 'key', range: 'bytes=10-19', status: 206, bytesSent: 10 },
  ]);
  server.misbehave({ fault: 'status:503' });
  await t.rejects(get(), { name: 'SlowDown' });
  await t.resolves(get());
});
