/** GET, HEAD, PUT, copy and DELETE of one object. */
import { type Answer, ApiError, type ApiRequest, escapeXml, header, xml } from './request.js';
import { type Bucket, objectOf, type StoredObject } from './store.js';

export interface World {
  readonly now: () => number;
  bucket(name: string): Bucket;
}

export function getObject(bucket: Bucket, request: ApiRequest): Answer {
  const object = existing(bucket, request.key);
  const headers = { ...facts(object), 'accept-ranges': 'bytes', 'content-type': 'application/octet-stream' };
  const match = header(request.headers, 'if-match');
  if (match !== undefined && !matches(match, object)) throw preconditionFailed('If-Match');
  const none = header(request.headers, 'if-none-match');
  if (none !== undefined && matches(none, object)) return { status: 304, headers };
  const range = parseRange(header(request.headers, 'range'), object.size);
  if (range === undefined) return { status: 200, headers, body: object };
  if (range === 'unsatisfiable') {
    throw new ApiError(416, 'InvalidRange', 'The requested range is not satisfiable', {
      'content-range': `bytes */${object.size}`,
    });
  }
  const [start, end] = range;
  return {
    status: 206,
    headers: { ...headers, 'content-range': `bytes ${start}-${end - 1}/${object.size}` },
    body: { size: end - start, slice: (from: number, to: number) => object.slice(start + from, start + to) },
  };
}

export function putObject(world: World, bucket: Bucket, request: ApiRequest): Answer {
  if (Buffer.byteLength(request.key) > 1024)
    throw new ApiError(400, 'KeyTooLongError', 'Your key is too long');
  refuseOverwrite(bucket, request);
  const source = copySource(world, request);
  const object = source
    ? { ...source, mtimeMs: world.now() }
    : objectOf(Buffer.from(request.body), world.now());
  bucket.set(request.key, object);
  if (!source) return { status: 200, headers: { etag: `"${object.etag}"` } };
  const modified = new Date(object.mtimeMs).toISOString();
  return xml(
    `<CopyObjectResult><LastModified>${modified}</LastModified><ETag>${escapeXml(`"${object.etag}"`)}</ETag></CopyObjectResult>`,
  );
}

/** Conditional creation, each dialect's way. */
export function refuseOverwrite(bucket: Bucket, request: ApiRequest): void {
  if (!bucket.objects.has(request.key)) return;
  if (request.dialect === 's3' && header(request.headers, 'if-none-match') === '*') {
    throw preconditionFailed('If-None-Match');
  }
  if (request.dialect === 'oss' && header(request.headers, 'x-oss-forbid-overwrite') === 'true') {
    throw new ApiError(
      409,
      'FileAlreadyExists',
      'The object you specified already exists and can not be overwritten.',
    );
  }
}

/** What a copy copies, if the request is one. */
export function copySource(world: World, request: ApiRequest): StoredObject | undefined {
  const prefix = request.dialect === 's3' ? 'x-amz' : 'x-oss';
  const source = header(request.headers, `${prefix}-copy-source`);
  if (source === undefined) return undefined;
  const path = decodeURIComponent(source).replace(/^\//, '');
  const slash = path.indexOf('/');
  const object = existing(world.bucket(path.slice(0, slash)), path.slice(slash + 1));
  const match = header(request.headers, `${prefix}-copy-source-if-match`);
  if (match !== undefined && !matches(match, object)) throw preconditionFailed('copy-source-If-Match');
  return object;
}

export function existing(bucket: Bucket, key: string): StoredObject {
  const object = bucket.objects.get(key);
  if (!object) throw new ApiError(404, 'NoSuchKey', 'The specified key does not exist.');
  return object;
}

/** [start, end), undefined for none or one that is to be ignored (RFC 9110, 14.2). */
export function parseRange(
  range: string | undefined,
  size: number,
): readonly [number, number] | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(range ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  if (match[1] === '') {
    const last = Number(match[2]);
    return last === 0 || size === 0 ? 'unsatisfiable' : [Math.max(0, size - last), size];
  }
  const start = Number(match[1]);
  const end = match[2] === '' ? size : Math.min(size, Number(match[2]) + 1);
  if (match[2] !== '' && Number(match[2]) < start) return undefined;
  return start >= size ? 'unsatisfiable' : [start, end];
}

const facts = (object: StoredObject) => ({
  etag: `"${object.etag}"`,
  'last-modified': new Date(object.mtimeMs).toUTCString(),
});

const matches = (condition: string, object: StoredObject): boolean =>
  condition === '*' ||
  condition.split(',').some((etag) => etag.trim().replace(/^"(.*)"$/, '$1') === object.etag);

const preconditionFailed = (condition: string) =>
  new ApiError(
    412,
    'PreconditionFailed',
    `At least one of the pre-conditions you specified did not hold: ${condition}`,
  );
