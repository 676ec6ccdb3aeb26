import { t } from 'tap';
import { openOrigin } from '../src/open.js';
import { parseOriginUri } from '../src/uri.js';

t.test('what a URI says', async (t) => {
  t.same(parseOriginUri('s3://bucket'), { scheme: 's3', bucket: 'bucket', prefix: '' });
  t.same(parseOriginUri('s3://bucket/'), { scheme: 's3', bucket: 'bucket', prefix: '' });
  t.same(parseOriginUri('oss://my.bucket-1/one/two/'), {
    scheme: 'oss',
    bucket: 'my.bucket-1',
    prefix: 'one/two/',
  });
  t.same(parseOriginUri('s3://bucket/价格 2026/%41'), {
    scheme: 's3',
    bucket: 'bucket',
    prefix: '价格 2026/%41/',
  });
  t.same(parseOriginUri('nas:///mnt//data/./x/'), { scheme: 'nas', directory: '/mnt/data/x', prefix: '' });
  t.same(parseOriginUri('nas:///'), { scheme: 'nas', directory: '/', prefix: '' });
});

t.test('what it may not say', async (t) => {
  for (const [uri, why] of [
    ['bucket/prefix', 'no scheme'],
    ['', 'no scheme'],
    ['http://host/x', 'http:// is unknown'],
    ['s3://', 'names no bucket'],
    ['s3:///prefix', 'names no bucket'],
    ['s3://Bucket/x', '"Bucket" is no bucket name'],
    ['s3://b/x', '"b" is no bucket name'],
    ['s3://key:secret@bucket/x', 'only a bucket and a prefix'],
    ['s3://bucket?region=x', 'only a bucket and a prefix'],
    ['s3://bucket/a//b', 'component ""'],
    ['s3://bucket//a', 'component ""'],
    ['oss://bucket/../b', 'component ".."'],
    ['nas://mnt/data', 'must be absolute'],
    ['nas:///mnt/../etc', '".." in it'],
    ['nas:///mnt/\0', 'NUL'],
  ] as const) {
    t.throws(
      () => parseOriginUri(uri),
      { code: 'INVALID', message: new RegExp(literally(why)) },
      JSON.stringify(uri),
    );
    t.throws(() => openOrigin(uri), { code: 'INVALID' });
  }
});

t.test('options', async (t) => {
  for (const endpoint of ['localhost:9000', 'ftp://host', 'http://user:pass@host', 'nonsense']) {
    t.throws(() => openOrigin('s3://bucket', { endpoint }), { code: 'INVALID' }, endpoint);
  }
  const call = { deadlineMs: 5_000 };
  const address = { endpoint: 'http://127.0.0.1:1', region: 'x', credentialsFile: '/none' };
  await t.rejects(openOrigin('oss://bucket', address).check(call), { code: 'INVALID', message: /host name/ });
  await t.rejects(openOrigin('oss://bucket').check(call), { code: 'INVALID', message: /region/ });
  await t.rejects(openOrigin('oss://bucket', { endpoint: 'http://oss.test' }).check(call), {
    message: /region/,
  });
});

const literally = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
