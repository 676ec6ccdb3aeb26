/**
 * What S3 and OSS have to provide. Keys are whole (prefix included), versions are ETags without quotes. A driver throws
 * whatever its SDK throws: failures.ts knows the shapes. It neither retries nor watches the clock.
 */
export interface RawObject {
  readonly key: string;
  readonly size: number;
  /** Whole seconds: HEAD has no finer ones, and the two must agree. */
  readonly mtimeMs: number;
  readonly version: string;
}

export interface RawPage {
  readonly objects: readonly RawObject[];
  /** Common prefixes, with the slash. */
  readonly prefixes: readonly string[];
  readonly nextToken?: string;
}

export interface ListQuery {
  readonly prefix: string;
  readonly delimited: boolean;
  readonly token?: string;
  readonly limit: number;
}

export interface CallLimits {
  readonly signal: AbortSignal;
  readonly limitMs: number;
}

/** A GET, signed. */
export interface SignedGet {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly path: string;
  readonly headers: Record<string, string>;
}

export interface UploadedPart {
  readonly number: number;
  readonly etag: string;
}

export interface ObjectStoreDriver {
  readonly scheme: 's3' | 'oss';
  readonly bucket: string;
  /** For messages: where requests go. */
  readonly endpoint: string;
  list(query: ListQuery, limits: CallLimits): Promise<RawPage>;
  head(key: string, limits: CallLimits): Promise<RawObject>;
  put(key: string, body: Uint8Array, ifAbsent: boolean, limits: CallLimits): Promise<void>;
  startUpload(key: string, ifAbsent: boolean, limits: CallLimits): Promise<string>;
  putPart(
    key: string,
    upload: string,
    number: number,
    body: Uint8Array,
    limits: CallLimits,
  ): Promise<UploadedPart>;
  finishUpload(
    key: string,
    upload: string,
    parts: readonly UploadedPart[],
    ifAbsent: boolean,
    limits: CallLimits,
  ): Promise<void>;
  abortUpload(key: string, upload: string, limits: CallLimits): Promise<void>;
  /** Copies only while the source is `version`. */
  copy(from: string, to: string, version: string, limits: CallLimits): Promise<void>;
  copyPart(
    from: string,
    to: string,
    version: string,
    upload: string,
    number: number,
    range: { readonly start: number; readonly end: number },
    limits: CallLimits,
  ): Promise<UploadedPart>;
  delete(key: string, limits: CallLimits): Promise<void>;
  signGet(key: string, headers: { range: string; ifMatch: string }): Promise<SignedGet>;
  close(): Promise<void>;
}

/** An ETag as a version: without its quotes. */
export const versionOf = (etag: string): string => etag.replace(/^"(.*)"$/, '$1');
export const etagOf = (version: string): string => `"${version}"`;

/** A key in a URL's path: what RFC 3986 leaves unreserved, and slashes, as signatures demand. */
export function encodePath(key: string): string {
  return encodeURIComponent(key)
    .replace(/%2F/g, '/')
    .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

export const wholeSeconds = (ms: number): number => Math.floor(ms / 1000) * 1000;

/** A key of a listing with `encoding-type=url`: a form's encoding, a plus is a space. What was no UTF-8 gets U+FFFD. */
export function decodeListed(text: string): string {
  try {
    return decodeURIComponent(text.replace(/\+/g, ' '));
  } catch {
    return Buffer.from(unescapeBytes(text)).toString('utf8');
  }
}

function unescapeBytes(text: string): number[] {
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const hex = text[i] === '%' ? Number.parseInt(text.slice(i + 1, i + 3), 16) : Number.NaN;
    if (Number.isNaN(hex)) bytes.push(...Buffer.from(text[i] === '+' ? ' ' : (text[i] ?? '')));
    else {
      bytes.push(hex);
      i += 2;
    }
  }
  return bytes;
}
