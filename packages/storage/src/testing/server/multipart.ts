/** Multipart uploads, with the checks that real servers make when one is completed. */
import { randomUUID } from 'node:crypto';
import { copySource, parseRange, refuseOverwrite, type World } from './objects.js';
import { type Answer, ApiError, type ApiRequest, escapeXml, header, xml } from './request.js';
import { type Bucket, md5, objectOf, type StoredPart, type Upload } from './store.js';

const MIN_PART_BYTES = { s3: 5 * 1024 * 1024, oss: 100 * 1024 };

export function startUpload(bucket: Bucket, request: ApiRequest): Answer {
  if (request.dialect === 'oss') refuseOverwrite(bucket, request);
  const id = randomUUID();
  bucket.uploads.set(id, { key: request.key, parts: new Map() });
  return xml(
    `<InitiateMultipartUploadResult><Bucket>${escapeXml(request.bucket)}</Bucket><Key>${escapeXml(request.key)}</Key>` +
      `<UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
  );
}

export function putPart(world: World, bucket: Bucket, request: ApiRequest): Answer {
  const upload = uploadOf(bucket, request);
  const number = Number(request.query.get('partNumber'));
  if (!Number.isInteger(number) || number < 1 || number > 10_000) {
    throw new ApiError(
      400,
      'InvalidArgument',
      'Part number must be an integer between 1 and 10000, inclusive',
    );
  }
  const source = copySource(world, request);
  let bytes: Buffer = Buffer.from(request.body);
  if (source) {
    const prefix = request.dialect === 's3' ? 'x-amz' : 'x-oss';
    const range = parseRange(header(request.headers, `${prefix}-copy-source-range`), source.size);
    if (range === 'unsatisfiable') throw new ApiError(416, 'InvalidRange', 'The range is not satisfiable');
    bytes = source.slice(...(range ?? [0, source.size]));
  }
  const part: StoredPart = { bytes, etag: md5(bytes) };
  upload.parts.set(number, part);
  const headers = { etag: `"${part.etag}"` };
  if (!source) return { status: 200, headers };
  const answer = xml(`<CopyPartResult><ETag>${escapeXml(headers.etag)}</ETag></CopyPartResult>`);
  return { ...answer, headers: { ...answer.headers, ...headers } };
}

export function completeUpload(world: World, bucket: Bucket, request: ApiRequest): Answer {
  const upload = uploadOf(bucket, request);
  refuseOverwrite(bucket, request);
  const chosen: StoredPart[] = [];
  let before = 0;
  for (const [, xmlPart = ''] of request.body.toString('utf8').matchAll(/<Part>([\s\S]*?)<\/Part>/g)) {
    const number = Number(/<PartNumber>(\d+)</.exec(xmlPart)?.[1]);
    const etag = (/<ETag>([^<]*)</.exec(xmlPart)?.[1] ?? '').replace(/&quot;|&#34;|"/g, '');
    if (!(number > before))
      throw new ApiError(400, 'InvalidPartOrder', 'The list of parts was not in ascending order.');
    before = number;
    const part = upload.parts.get(number);
    if (part?.etag !== etag)
      throw new ApiError(400, 'InvalidPart', `Part ${number} could not be found as specified`);
    chosen.push(part);
  }
  if (chosen.length === 0) throw new ApiError(400, 'MalformedXML', 'A part must be named');
  if (chosen.slice(0, -1).some((part) => part.bytes.length < MIN_PART_BYTES[request.dialect])) {
    throw new ApiError(
      400,
      'EntityTooSmall',
      'Your proposed upload is smaller than the minimum allowed size',
    );
  }
  const digests = Buffer.concat(chosen.map((part) => Buffer.from(part.etag, 'hex')));
  const etag = `${md5(digests)}-${chosen.length}`;
  bucket.set(request.key, objectOf(Buffer.concat(chosen.map((part) => part.bytes)), world.now(), etag));
  bucket.uploads.delete(request.query.get('uploadId') ?? '');
  const answer = xml(
    `<CompleteMultipartUploadResult><Bucket>${escapeXml(request.bucket)}</Bucket><Key>${escapeXml(request.key)}</Key>` +
      `<ETag>${escapeXml(`"${etag}"`)}</ETag></CompleteMultipartUploadResult>`,
  );
  return { ...answer, headers: { ...answer.headers, etag: `"${etag}"` } };
}

export function abortUpload(bucket: Bucket, request: ApiRequest): Answer {
  uploadOf(bucket, request);
  bucket.uploads.delete(request.query.get('uploadId') ?? '');
  return { status: 204 };
}

function uploadOf(bucket: Bucket, request: ApiRequest): Upload {
  const upload = bucket.uploads.get(request.query.get('uploadId') ?? '');
  if (upload?.key !== request.key)
    throw new ApiError(404, 'NoSuchUpload', 'The specified upload does not exist.');
  return upload;
}
