/** ListObjectsV2, as S3 and OSS answer it. */
import { compareKeys } from '../../names.js';
import { type Answer, ApiError, type ApiRequest, encode, escapeXml, xml } from './request.js';
import type { Bucket } from './store.js';

const MAX_KEYS = 1000;

export function listObjects(bucket: Bucket, request: ApiRequest): Answer {
  const { query } = request;
  if (query.get('list-type') !== '2')
    throw new ApiError(501, 'NotImplemented', 'Only list-type=2 is taken here');
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const limit = Math.min(MAX_KEYS, Number(query.get('max-keys') ?? MAX_KEYS));
  const token = query.get('continuation-token');
  const after =
    token === null ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64url').toString();
  const url = query.get('encoding-type') === 'url';
  const shown = (text: string) => escapeXml(url ? encode(text).replace(/%2F/g, '/') : text);

  const contents: string[] = [];
  const prefixes: string[] = [];
  let last = '';
  let truncated = false;
  for (const key of bucket.sorted) {
    if (!key.startsWith(prefix) || compareKeys(key, after) <= 0) continue;
    const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const common = at < 0 ? undefined : key.slice(0, at + delimiter.length);
    // Told already, on this page or as the last of the one before.
    if (common !== undefined && (common === last || common === after)) continue;
    if (contents.length + prefixes.length >= limit) {
      truncated = true;
      break;
    }
    last = common ?? key;
    if (common !== undefined)
      prefixes.push(`<CommonPrefixes><Prefix>${shown(common)}</Prefix></CommonPrefixes>`);
    else contents.push(entry(bucket, key, shown));
  }
  const next = truncated
    ? `<NextContinuationToken>${Buffer.from(last).toString('base64url')}</NextContinuationToken>`
    : '';
  return xml(
    `<ListBucketResult><Name>${escapeXml(request.bucket)}</Name><Prefix>${shown(prefix)}</Prefix>` +
      `<MaxKeys>${limit}</MaxKeys><KeyCount>${contents.length + prefixes.length}</KeyCount>` +
      `${url ? '<EncodingType>url</EncodingType>' : ''}<IsTruncated>${truncated}</IsTruncated>${next}` +
      `${contents.join('')}${prefixes.join('')}</ListBucketResult>`,
  );
}

function entry(bucket: Bucket, key: string, shown: (text: string) => string): string {
  const object = bucket.objects.get(key);
  if (!object) return '';
  return (
    `<Contents><Key>${shown(key)}</Key><LastModified>${new Date(object.mtimeMs).toISOString()}</LastModified>` +
    `<ETag>${escapeXml(`"${object.etag}"`)}</ETag><Size>${object.size}</Size><StorageClass>STANDARD</StorageClass></Contents>`
  );
}
