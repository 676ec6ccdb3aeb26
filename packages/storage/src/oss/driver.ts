/** OSS by ali-oss with V4 signatures: one request each, no retries of its own. */
import { createHash } from 'node:crypto';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import OSS from 'ali-oss';
import type { OriginOptions } from '../api.js';
import { type CredentialSource, type Credentials, credentialsFromFile } from '../credentials.js';
import { MAX_CONTROL_CONNECTIONS } from '../limits.js';
import {
  type CallLimits,
  decodeListed,
  etagOf,
  type ListQuery,
  type ObjectStoreDriver,
  type RawObject,
  type RawPage,
  type SignedGet,
  type UploadedPart,
  versionOf,
  wholeSeconds,
} from '../object-store/driver.js';
import type { OssClient } from './client.js';
import { credentialsFromEnvironment } from './environment.js';
import { signGet } from './sign.js';
import { type OssTarget, ossTarget } from './target.js';

export async function openOss(bucket: string, options: OriginOptions): Promise<ObjectStoreDriver> {
  const target = ossTarget(bucket, options);
  const source =
    options.credentialsFile === undefined
      ? credentialsFromEnvironment(`oss://${bucket}`)
      : credentialsFromFile(options.credentialsFile);
  return new OssDriver(bucket, target, source);
}

class OssDriver implements ObjectStoreDriver {
  readonly scheme = 'oss';
  readonly endpoint: string;
  readonly #httpAgent = new HttpAgent({ keepAlive: true, maxSockets: MAX_CONTROL_CONNECTIONS });
  readonly #httpsAgent = new HttpsAgent({ keepAlive: true, maxSockets: MAX_CONTROL_CONNECTIONS });
  #current: { readonly credentials: Credentials; readonly client: OssClient } | undefined;

  constructor(
    readonly bucket: string,
    readonly target: OssTarget,
    readonly source: CredentialSource,
  ) {
    this.endpoint = target.origin;
  }

  async list(query: ListQuery, limits: CallLimits): Promise<RawPage> {
    const client = await this.#client();
    const answer = await client.listV2(
      {
        'max-keys': query.limit,
        // XML can't hold every character that a key can.
        'encoding-type': 'url',
        ...(query.prefix !== '' && { prefix: query.prefix }),
        ...(query.delimited && { delimiter: '/' }),
        ...(query.token !== undefined && { 'continuation-token': query.token }),
      },
      { timeout: limits.limitMs },
    );
    const page = {
      objects: answer.objects.map((object) => ({
        key: decodeListed(object.name),
        size: object.size,
        mtimeMs: wholeSeconds(Date.parse(object.lastModified)),
        version: versionOf(object.etag),
      })),
      prefixes: (answer.prefixes ?? []).map(decodeListed),
    };
    return answer.isTruncated && answer.nextContinuationToken
      ? { ...page, nextToken: answer.nextContinuationToken }
      : page;
  }

  async head(key: string, limits: CallLimits): Promise<RawObject> {
    const { res } = await (await this.#client()).head(key, { timeout: limits.limitMs });
    return {
      key,
      size: Number(res.headers['content-length'] ?? 0),
      mtimeMs: wholeSeconds(Date.parse(res.headers['last-modified'] ?? '')),
      version: versionOf(res.headers.etag ?? ''),
    };
  }

  async put(key: string, body: Uint8Array, ifAbsent: boolean, limits: CallLimits): Promise<void> {
    const client = await this.#client();
    await client.put(key, asBuffer(body), { timeout: limits.limitMs, headers: forbid(ifAbsent) });
  }

  async startUpload(key: string, ifAbsent: boolean, limits: CallLimits): Promise<string> {
    const client = await this.#client();
    const options = { timeout: limits.limitMs, headers: forbid(ifAbsent) };
    return (await client.initMultipartUpload(key, options)).uploadId;
  }

  async putPart(
    key: string,
    upload: string,
    number: number,
    body: Uint8Array,
    limits: CallLimits,
  ): Promise<UploadedPart> {
    const client = await this.#client();
    // ali-oss sends parts as streams and hashes none.
    const headers = { 'Content-MD5': createHash('md5').update(body).digest('base64') };
    const options = { timeout: limits.limitMs, headers };
    const { etag } = await client.uploadPart(key, upload, number, asBuffer(body), 0, body.length, options);
    return { number, etag };
  }

  async finishUpload(
    key: string,
    upload: string,
    parts: readonly UploadedPart[],
    ifAbsent: boolean,
    limits: CallLimits,
  ): Promise<void> {
    const client = await this.#client();
    const options = { timeout: limits.limitMs, headers: forbid(ifAbsent) };
    await client.completeMultipartUpload(key, upload, [...parts], options);
  }

  async abortUpload(key: string, upload: string, limits: CallLimits): Promise<void> {
    await (await this.#client()).abortMultipartUpload(key, upload, { timeout: limits.limitMs });
  }

  async copy(from: string, to: string, version: string, limits: CallLimits): Promise<void> {
    const client = await this.#client();
    // ali-oss makes it x-oss-copy-source-if-match.
    await client.copy(to, from, { timeout: limits.limitMs, headers: { 'If-Match': etagOf(version) } });
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
    const client = await this.#client();
    const source = { sourceKey: from, sourceBucketName: this.bucket };
    const headers = { 'x-oss-copy-source-if-match': etagOf(version) };
    const options = { timeout: limits.limitMs, headers };
    const bytes = `${range.start}-${range.end - 1}`;
    const { etag } = await client.uploadPartCopy(to, upload, number, bytes, source, options);
    return { number, etag };
  }

  async delete(key: string, limits: CallLimits): Promise<void> {
    await (await this.#client()).delete(key, { timeout: limits.limitMs });
  }

  async signGet(key: string, headers: { range: string; ifMatch: string }): Promise<SignedGet> {
    return signGet(await this.#client(), await this.source(), this.target, this.bucket, key, headers);
  }

  async close(): Promise<void> {
    this.#httpAgent.destroy();
    this.#httpsAgent.destroy();
  }

  /** A client holds its keys: rotated ones need another. */
  async #client(): Promise<OssClient> {
    const credentials = await this.source();
    if (this.#current?.credentials !== credentials) {
      this.#current = { credentials, client: this.#newClient(credentials) };
    }
    return this.#current.client;
  }

  #newClient({ accessKeyId, secretAccessKey, sessionToken }: Credentials): OssClient {
    const options = {
      accessKeyId,
      accessKeySecret: secretAccessKey,
      bucket: this.bucket,
      endpoint: this.target.endpoint,
      region: this.target.region,
      sldEnable: this.target.pathStyle,
      secure: this.target.endpoint.startsWith('https:'),
      authorizationV4: true,
      agent: this.#httpAgent,
      httpsAgent: this.#httpsAgent,
      // Given, it keeps ali-oss from warning; renewing is the source's part.
      ...(sessionToken !== undefined && {
        stsToken: sessionToken,
        refreshSTSToken: async () => ({
          accessKeyId,
          accessKeySecret: secretAccessKey,
          stsToken: sessionToken,
        }),
      }),
    };
    // Its types lack V4's parts.
    return new OSS(options as OSS.Options) as unknown as OssClient;
  }
}

const forbid = (ifAbsent: boolean): Record<string, string> =>
  ifAbsent ? { 'x-oss-forbid-overwrite': 'true' } : {};

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
