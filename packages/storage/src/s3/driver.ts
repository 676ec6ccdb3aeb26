/** S3 by @aws-sdk/client-s3: one request each, no retries of its own. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { CONNECT_MS, ORIGIN_ATTEMPT_MS, TidecacheError } from '@tidecache/protocol';
import type { OriginOptions } from '../api.js';
import { credentialsFromFile } from '../credentials.js';
import { MAX_CONTROL_CONNECTIONS } from '../limits.js';
import {
  type CallLimits,
  decodeListed,
  encodePath,
  etagOf,
  type ListQuery,
  type ObjectStoreDriver,
  type RawObject,
  type RawPage,
  type UploadedPart,
  versionOf,
  wholeSeconds,
} from '../object-store/driver.js';
import { createSigner, type GetSigner } from './sign.js';

/** With an endpoint of one's own the region is a formality, and the SDK asks for one. */
const DEFAULT_REGION = 'us-east-1';

export async function openS3(bucket: string, options: OriginOptions): Promise<ObjectStoreDriver> {
  const client = new S3Client(clientConfig(options));
  await client.config.region().catch((cause: unknown) => {
    throw new TidecacheError(
      'INVALID',
      `cannot open s3://${bucket}: it has no region (give one, us-east-1 say)`,
      { cause },
    );
  });
  const sign = await createSigner(client, bucket);
  return new S3Driver(client, bucket, sign);
}

function clientConfig(options: OriginOptions): S3ClientConfig {
  const { endpoint, region, credentialsFile } = options;
  return {
    ...(endpoint !== undefined && { endpoint }),
    ...(region !== undefined ? { region } : endpoint !== undefined && { region: DEFAULT_REGION }),
    ...(credentialsFile !== undefined && { credentials: fromFile(credentialsFile) }),
    forcePathStyle: options.pathStyle ?? (endpoint !== undefined && isBareHost(endpoint)),
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: ORIGIN_ATTEMPT_MS,
      httpAgent: { maxSockets: MAX_CONTROL_CONNECTIONS, keepAlive: true },
      httpsAgent: { maxSockets: MAX_CONTROL_CONNECTIONS, keepAlive: true },
    },
  };
}

/** The SDK keeps what a provider gives until it runs out: keys that may be rotated run out at the next look. */
function fromFile(
  path: string,
): () => Promise<{ accessKeyId: string; secretAccessKey: string; expiration: Date }> {
  const source = credentialsFromFile(path);
  return async () => ({ ...(await source()), expiration: new Date(Date.now() + 1_000) });
}

/** An address or localhost has no subdomains for buckets. */
const isBareHost = (endpoint: string): boolean => {
  const host = URL.canParse(endpoint) ? new URL(endpoint).hostname : '';
  return host === 'localhost' || host.startsWith('[') || /^[\d.]+$/.test(host);
};

class S3Driver implements ObjectStoreDriver {
  readonly scheme = 's3';
  readonly endpoint: string;

  constructor(
    readonly client: S3Client,
    readonly bucket: string,
    readonly sign: GetSigner,
  ) {
    this.endpoint = sign.origin;
  }

  async list(query: ListQuery, limits: CallLimits): Promise<RawPage> {
    const answer = await this.client.send(
      new ListObjectsV2Command({
        Bucket: this.bucket,
        Prefix: query.prefix,
        MaxKeys: query.limit,
        // XML can't hold every character that a key can.
        EncodingType: 'url',
        ...(query.delimited && { Delimiter: '/' }),
        ...(query.token !== undefined && { ContinuationToken: query.token }),
      }),
      { abortSignal: limits.signal },
    );
    // Servers that don't know the encoding don't claim it.
    const decode = answer.EncodingType === 'url' ? decodeListed : (text: string) => text;
    const page = {
      objects: (answer.Contents ?? []).map((object) => ({
        key: decode(object.Key ?? ''),
        size: object.Size ?? 0,
        mtimeMs: wholeSeconds(object.LastModified?.getTime() ?? 0),
        version: versionOf(object.ETag ?? ''),
      })),
      prefixes: (answer.CommonPrefixes ?? []).map((prefix) => decode(prefix.Prefix ?? '')),
    };
    if (!answer.IsTruncated) return page;
    if (!answer.NextContinuationToken) {
      throw new TidecacheError(
        'CORRUPT',
        `cannot list ${query.prefix}: the origin says there is more, not where`,
      );
    }
    return { ...page, nextToken: answer.NextContinuationToken };
  }

  async head(key: string, limits: CallLimits): Promise<RawObject> {
    const answer = await this.client.send(new HeadObjectCommand({ Bucket: this.bucket, Key: key }), {
      abortSignal: limits.signal,
    });
    return {
      key,
      size: answer.ContentLength ?? 0,
      mtimeMs: wholeSeconds(answer.LastModified?.getTime() ?? 0),
      version: versionOf(answer.ETag ?? ''),
    };
  }

  async put(key: string, body: Uint8Array, ifAbsent: boolean, limits: CallLimits): Promise<void> {
    await this.client.send(
      new PutObjectCommand({
        Bucket: this.bucket,
        Key: key,
        Body: body,
        ContentLength: body.length,
        ...(ifAbsent && { IfNoneMatch: '*' }),
      }),
      { abortSignal: limits.signal },
    );
  }

  async startUpload(key: string, _ifAbsent: boolean, limits: CallLimits): Promise<string> {
    const answer = await this.client.send(
      new CreateMultipartUploadCommand({ Bucket: this.bucket, Key: key }),
      {
        abortSignal: limits.signal,
      },
    );
    return answer.UploadId ?? '';
  }

  async putPart(
    key: string,
    upload: string,
    number: number,
    body: Uint8Array,
    limits: CallLimits,
  ): Promise<UploadedPart> {
    const answer = await this.client.send(
      new UploadPartCommand({
        Bucket: this.bucket,
        Key: key,
        UploadId: upload,
        PartNumber: number,
        Body: body,
        ContentLength: body.length,
      }),
      { abortSignal: limits.signal },
    );
    return { number, etag: answer.ETag ?? '' };
  }

  async finishUpload(
    key: string,
    upload: string,
    parts: readonly UploadedPart[],
    ifAbsent: boolean,
    limits: CallLimits,
  ): Promise<void> {
    await this.client.send(
      new CompleteMultipartUploadCommand({
        Bucket: this.bucket,
        Key: key,
        UploadId: upload,
        MultipartUpload: { Parts: parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag })) },
        ...(ifAbsent && { IfNoneMatch: '*' }),
      }),
      { abortSignal: limits.signal },
    );
  }

  async abortUpload(key: string, upload: string, limits: CallLimits): Promise<void> {
    await this.client.send(
      new AbortMultipartUploadCommand({ Bucket: this.bucket, Key: key, UploadId: upload }),
      {
        abortSignal: limits.signal,
      },
    );
  }

  async copy(from: string, to: string, version: string, limits: CallLimits): Promise<void> {
    await this.client.send(
      new CopyObjectCommand({
        Bucket: this.bucket,
        Key: to,
        CopySource: `${this.bucket}/${encodePath(from)}`,
        CopySourceIfMatch: etagOf(version),
      }),
      { abortSignal: limits.signal },
    );
  }

  async copyPart(
    from: string,
    to: string,
    version: string,
    upload: string,
    number: number,
    range: { readonly start: number; readonly end: number },
    limits: CallLimits,
  ): Promise<UploadedPart> {
    const answer = await this.client.send(
      new UploadPartCopyCommand({
        Bucket: this.bucket,
        Key: to,
        UploadId: upload,
        PartNumber: number,
        CopySource: `${this.bucket}/${encodePath(from)}`,
        CopySourceIfMatch: etagOf(version),
        CopySourceRange: `bytes=${range.start}-${range.end - 1}`,
      }),
      { abortSignal: limits.signal },
    );
    return { number, etag: answer.CopyPartResult?.ETag ?? '' };
  }

  async delete(key: string, limits: CallLimits): Promise<void> {
    await this.client.send(new DeleteObjectCommand({ Bucket: this.bucket, Key: key }), {
      abortSignal: limits.signal,
    });
  }

  signGet(key: string, headers: { range: string; ifMatch: string }) {
    return this.sign.get(key, headers);
  }

  async close(): Promise<void> {
    this.client.destroy();
  }
}
