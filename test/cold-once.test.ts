/**
 * One cold 1 GiB file, read by 16 readers at once through two mounts: the origin sends each byte once, in ranges of a
 * block or more. Over S3 and over OSS, from a server that counts what it sends and checks every signature.
 */
import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { DEFAULT_BLOCK_BYTES, PAGE_BYTES } from '@tidecache/protocol';
import { startOriginServer, TEST_REGION, writeCredentials } from '@tidecache/storage/testing';
import { t } from 'tap';
import { Cluster, chunksOf, generated, Scratch, whyNoMount } from './lab/index.js';

const run = promisify(execFile);
const FILE_BYTES = 1 << 30;
const READERS = 16;

t.test('a cold file is fetched once', { skip: whyNoMount() ?? false, timeout: 170_000 }, async (t) => {
  const scratch = new Scratch('cold-once');
  t.teardown(() => scratch.clean());
  const content = generated('cold-once', FILE_BYTES);
  const expected = scratch.path('expected');
  await pipeline(Readable.from(chunksOf(content)), createWriteStream(expected));

  const server = await startOriginServer({ buckets: ['cold'] });
  scratch.defer('origin server', () => server.close());
  server.generate(
    'cold',
    'large',
    FILE_BYTES,
    (offset, out) => content.read(offset, out.length).copy(out),
    'e1',
  );
  const credentials = await writeCredentials(scratch.dir, server.credentials);
  const cluster = await Cluster.start(scratch, { workers: 3, memory: '1GiB' });
  const flags = [
    '--region',
    TEST_REGION,
    '--credentials-file',
    credentials,
    '--metadata',
    'once',
    '--path-style',
  ];
  await cluster.addDataset('/s3', 's3://cold', '--endpoint', server.url, ...flags);
  await cluster.addDataset('/oss', 'oss://cold', '--endpoint', server.namedUrl, ...flags);
  const mounts = [await cluster.mount(), await cluster.mount()];

  for (const dataset of ['s3', 'oss']) {
    await t.test(dataset, async (t) => {
      server.clearLog();
      const compare = (i: number) =>
        run('cmp', [join(mounts[i % mounts.length]!.dir, dataset, 'large'), expected]);
      await t.resolves(
        Promise.all(Array.from({ length: READERS }, (_, i) => compare(i))),
        'the bytes are right',
      );
      const sent = server.bytesSent('cold', 'large');
      t.ok(
        sent >= FILE_BYTES && sent <= FILE_BYTES + PAGE_BYTES,
        `each byte once: ${sent - FILE_BYTES} more than the file`,
      );
      const ranges = server.log
        .filter(({ method, range }) => method === 'GET' && range)
        .map(({ range }) => lengthOf(range!));
      const short = ranges.filter((bytes) => bytes < DEFAULT_BLOCK_BYTES);
      t.same(short, [], `${ranges.length} ranges, each of a block or more`);
    });
  }
});

function lengthOf(range: string): number {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range)!;
  return Number(to) - Number(from) + 1;
}
