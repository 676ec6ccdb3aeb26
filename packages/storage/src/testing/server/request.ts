/** A request as the handlers see it, and the answers that they give. */
import type { IncomingHttpHeaders } from 'node:http';

export type Dialect = 's3' | 'oss';

export interface ApiRequest {
  readonly method: string;
  /** As it came, before the question mark. */
  readonly rawPath: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly bucket: string;
  /** '' for the bucket itself. */
  readonly key: string;
  readonly dialect: Dialect;
  /** Without its transfer's framing, checked. */
  readonly body: Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes, or where to get them. */
  readonly body?: Buffer | { readonly size: number; slice(start: number, end: number): Buffer };
}

/** An answer with an error's XML. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

export const header = (headers: IncomingHttpHeaders, name: string): string | undefined => {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
};

/** RFC 3986's unreserved characters stay, the rest is percent-encoded: what both signatures are made of. */
export const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

export const escapeXml = (text: string): string =>
  text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`).replace(/\r/g, '&#13;');

export const xml = (body: string): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/xml' },
  body: Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${body}`),
});
