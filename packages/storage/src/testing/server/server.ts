/**
 * A strict object store for tests: S3 (path style) and OSS on one loopback port, in memory. It computes every signature
 * anew, checks every hash, counts what it sends, and misbehaves on command.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Credentials } from '../../credentials.js';
import { CODES, type Fault, send } from './faults.js';
import { listObjects } from './listing.js';
import { abortUpload, completeUpload, putPart, startUpload } from './multipart.js';
import { getObject, putObject, type World } from './objects.js';
import { verifyOssV4 } from './oss-v4.js';
import { checkedPayload } from './payload.js';
import { type Answer, ApiError, type ApiRequest, escapeXml, header } from './request.js';
import { type Keyring, verifySigV4 } from './sigv4.js';
import { Bucket, type Fill, generatedObject, objectOf } from './store.js';

export interface OriginServerInit {
  readonly buckets: readonly string[];
  readonly credentials?: Credentials;
  /** What signatures must name. */
  readonly region?: string;
  readonly port?: number;
  /** Where it listens; loopback without it. */
  readonly host?: string;
  /** Wall clock in milliseconds: for signatures' dates and objects' times. */
  readonly now?: () => number;
}

/** One request that came, and what went back. */
export interface RequestRecord {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  /** The Range header. */
  readonly range: string | undefined;
  readonly query: string;
  /** 0 while it is not answered. */
  status: number;
  /** Of the body, on a success or a failure. */
  bytesSent: number;
}

export interface Misbehaviour {
  /** Which requests; all without it. */
  readonly match?: (request: RequestRecord) => boolean;
  /** How often; once without it. */
  readonly times?: number;
  readonly fault?: Fault;
  /** Runs before the request is handled. */
  readonly before?: (request: RequestRecord) => void | Promise<void>;
}

export const TEST_CREDENTIALS: Credentials = {
  accessKeyId: 'tide-test-key',
  secretAccessKey: 'tide-test-secret',
};
export const TEST_REGION = 'test-region-1';

export interface OriginServer {
  /** `http://host:port`. */
  readonly url: string;
  /** `http://localhost:port`, for ali-oss, which wants a name. */
  readonly namedUrl: string;
  readonly region: string;
  readonly credentials: Credentials;
  /** Requests since the start or {@link OriginServer.clearLog}, in the order that they came. */
  readonly log: readonly RequestRecord[];
  clearLog(): void;
  /** Body bytes sent for a key's GETs since then. */
  bytesSent(bucket: string, key: string): number;
  /** Puts an object past the API. Gives its ETag. */
  put(bucket: string, key: string, bytes: Uint8Array): string;
  /** An object whose bytes are made when asked for. `etag` must change with the content. */
  generate(bucket: string, key: string, size: number, fill: Fill, etag: string): void;
  get(bucket: string, key: string): Buffer | undefined;
  delete(bucket: string, key: string): void;
  /** Uploads that were started and neither completed nor aborted. */
  openUploads(bucket: string): number;
  misbehave(misbehaviour: Misbehaviour): void;
  /** For each connection; undefined: as fast as it goes. */
  throttle(bytesPerSecond: number | undefined): void;
  close(): Promise<void>;
}

export async function startOriginServer(init: OriginServerInit): Promise<OriginServer> {
  const now = init.now ?? Date.now;
  const credentials = init.credentials ?? TEST_CREDENTIALS;
  const region = init.region ?? TEST_REGION;
  const buckets = new Map(init.buckets.map((name) => [name, new Bucket()]));
  const bucketOf = (name: string): Bucket => {
    const bucket = buckets.get(name);
    if (!bucket) throw new ApiError(404, 'NoSuchBucket', 'The specified bucket does not exist');
    return bucket;
  };
  const world: World = { now, bucket: bucketOf };
  const log: RequestRecord[] = [];
  const pending: { rule: Misbehaviour; left: number }[] = [];
  let bytesPerSecond: number | undefined;

  const handle = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { rawPath, query, rawQuery } = splitUrl(message.url ?? '/');
    const [bucket, key] = splitPath(rawPath);
    const record: RequestRecord = {
      method: message.method ?? '',
      bucket,
      key,
      range: header(message.headers, 'range'),
      query: rawQuery,
      status: 0,
      bytesSent: 0,
    };
    log.push(record);
    const raw = await bodyOf(message);
    const chosen = pending.find(({ rule, left }) => left > 0 && (rule.match?.(record) ?? true));
    if (chosen) chosen.left--;
    await chosen?.rule.before?.(record);
    const fault = chosen?.rule.fault;
    const dialect = (header(message.headers, 'authorization') ?? '').startsWith('OSS') ? 'oss' : 's3';
    const request = {
      method: record.method,
      rawPath,
      query,
      headers: message.headers,
      bucket,
      key,
      dialect,
    } as const;
    let answer: Answer;
    try {
      if (fault?.startsWith('status:')) throw faultError(fault);
      answer = answerTo(world, request, raw, { credentials, region, now }, fault);
    } catch (error) {
      answer = errorAnswer(error, request);
    }
    record.status = answer.status;
    await send(response, answer, {
      fault,
      headOnly: record.method === 'HEAD',
      bytesPerSecond,
      onSent: (bytes) => {
        record.bytesSent += bytes;
      },
    });
  };

  const server = createServer({ keepAliveTimeout: 60_000 }, (message, response) => {
    handle(message, response).catch(() => response.destroy());
  });
  const host = init.host ?? '127.0.0.1';
  await listen(server, init.port ?? 0, host);
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://${host}:${port}`,
    namedUrl: `http://localhost:${port}`,
    region,
    credentials,
    log,
    clearLog: () => {
      log.length = 0;
    },
    bytesSent: (bucket, key) =>
      log
        .filter((record) => record.method === 'GET' && record.bucket === bucket && record.key === key)
        .reduce((sum, record) => sum + record.bytesSent, 0),
    put(bucket, key, bytes) {
      const object = objectOf(Buffer.from(bytes), now());
      bucketOf(bucket).set(key, object);
      return object.etag;
    },
    generate(bucket, key, size, fill, etag) {
      bucketOf(bucket).set(key, generatedObject(size, fill, etag, now()));
    },
    get(bucket, key) {
      const object = bucketOf(bucket).objects.get(key);
      return object?.slice(0, object.size);
    },
    delete: (bucket, key) => bucketOf(bucket).delete(key),
    openUploads: (bucket) => bucketOf(bucket).uploads.size,
    misbehave: (rule) => void pending.push({ rule, left: rule.times ?? 1 }),
    throttle: (rate) => {
      bytesPerSecond = rate;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answerTo(
  world: World,
  request: Omit<ApiRequest, 'body'>,
  raw: Buffer,
  keyring: Keyring,
  fault: Fault | undefined,
): Answer {
  if (request.dialect === 'oss') verifyOssV4(request, keyring);
  else verifySigV4(request, keyring);
  const bucket = world.bucket(request.bucket);
  const headers = fault === 'ignore-range' ? { ...request.headers, range: undefined } : request.headers;
  const full: ApiRequest = { ...request, headers, body: checkedPayload(request.headers, raw) };
  const has = (name: string) => request.query.has(name);
  switch (request.method) {
    case 'GET':
      return request.key === '' ? listObjects(bucket, full) : getObject(bucket, full);
    case 'HEAD':
      return request.key === '' ? { status: 200 } : getObject(bucket, full);
    case 'PUT':
      if (request.key === '') break;
      return has('uploadId') ? putPart(world, bucket, full) : putObject(world, bucket, full);
    case 'POST':
      if (has('uploads')) return startUpload(bucket, full);
      if (has('uploadId')) return completeUpload(world, bucket, full);
      break;
    case 'DELETE':
      if (has('uploadId')) return abortUpload(bucket, full);
      if (request.key === '') break;
      bucket.delete(request.key);
      return { status: 204 };
  }
  throw new ApiError(501, 'NotImplemented', `${request.method} ${request.rawPath} is not taken here`);
}

function errorAnswer(thrown: unknown, request: Omit<ApiRequest, 'body'>): Answer {
  const error = thrown instanceof ApiError ? thrown : new ApiError(500, 'InternalError', String(thrown));
  const body = Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${escapeXml(error.code)}</Code>` +
      `<Message>${escapeXml(error.message)}</Message><RequestId>0</RequestId><HostId>test</HostId></Error>`,
  );
  const headers: Record<string, string> = { ...error.headers, 'content-type': 'application/xml' };
  // OSS tells HEAD's reasons in a header.
  if (request.dialect === 'oss' && request.method === 'HEAD') headers['x-oss-err'] = body.toString('base64');
  return { status: error.status, headers, body };
}

function faultError(fault: Fault): ApiError {
  const [, status = '500', code] = fault.split(':');
  return new ApiError(Number(status), code ?? CODES[Number(status)] ?? 'Fault', 'as it was told to');
}

function splitUrl(url: string): { rawPath: string; query: URLSearchParams; rawQuery: string } {
  const mark = url.indexOf('?');
  const rawPath = mark < 0 ? url : url.slice(0, mark);
  const rawQuery = mark < 0 ? '' : url.slice(mark + 1);
  return { rawPath, query: new URLSearchParams(rawQuery), rawQuery };
}

function splitPath(rawPath: string): readonly [string, string] {
  const slash = rawPath.indexOf('/', 1);
  const bucket = slash < 0 ? rawPath.slice(1) : rawPath.slice(1, slash);
  return [decodeURIComponent(bucket), slash < 0 ? '' : decodeURIComponent(rawPath.slice(slash + 1))];
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const listen = (server: Server, port: number, host: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
