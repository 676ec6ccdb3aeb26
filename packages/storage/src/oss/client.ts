/** What is used of ali-oss, as it is at 6.23: its published types lack listV2's options and V4's signing. */
interface Options {
  readonly timeout: number;
  readonly headers?: Record<string, string>;
}

interface Answer {
  readonly res: { readonly headers: Readonly<Record<string, string | undefined>> };
}

export interface OssClient {
  listV2(
    query: Record<string, string | number>,
    options: Options,
  ): Promise<{
    readonly objects: readonly {
      readonly name: string;
      readonly size: number;
      readonly lastModified: string;
      readonly etag: string;
    }[];
    readonly prefixes: readonly string[] | null;
    readonly isTruncated: boolean;
    readonly nextContinuationToken: string | null;
  }>;
  head(name: string, options: Options): Promise<Answer>;
  put(name: string, body: Buffer, options: Options): Promise<Answer>;
  initMultipartUpload(name: string, options: Options): Promise<{ readonly uploadId: string }>;
  uploadPart(
    name: string,
    uploadId: string,
    number: number,
    body: Buffer,
    start: number,
    end: number,
    options: Options,
  ): Promise<{ readonly etag: string }>;
  uploadPartCopy(
    name: string,
    uploadId: string,
    number: number,
    range: string,
    source: { readonly sourceKey: string; readonly sourceBucketName: string },
    options: Options,
  ): Promise<{ readonly etag: string }>;
  completeMultipartUpload(
    name: string,
    uploadId: string,
    parts: { readonly number: number; readonly etag: string }[],
    options: Options,
  ): Promise<Answer>;
  abortMultipartUpload(name: string, uploadId: string, options: Options): Promise<Answer>;
  delete(name: string, options: Options): Promise<Answer>;
  copy(name: string, sourceName: string, options: Options): Promise<Answer>;
  /** The Authorization header's value. Header names in lower case. */
  authorizationV4(
    method: string,
    request: { readonly headers: Record<string, string>; readonly queries?: Record<string, string> },
    bucket: string,
    object: string,
    additionalHeaders?: readonly string[],
  ): string;
}
