/** Where a bucket's requests go, from the options. */
import { isIP } from 'node:net';
import { TidecacheError } from '@tidecache/protocol';
import type { OriginOptions } from '../api.js';

export interface OssTarget {
  readonly endpoint: string;
  readonly region: string;
  readonly pathStyle: boolean;
  /** Scheme, host and port of the bucket's requests. */
  readonly origin: string;
  /** The path before a key. */
  readonly base: string;
}

/** `oss-cn-hangzhou.aliyuncs.com`, `oss-cn-hangzhou-internal.aliyuncs.com`. */
const PUBLIC_HOST = /^oss-([a-z0-9-]+?)(?:-internal)?\.aliyuncs\.com$/;

/** Throws INVALID when the region, which V4 signatures need, is not to be found, or the endpoint is an address. */
export function ossTarget(bucket: string, options: OriginOptions): OssTarget {
  const named = options.region?.replace(/^oss-/, '');
  const endpoint = options.endpoint ?? (named && `https://oss-${named}.aliyuncs.com`);
  if (!endpoint) throw invalid(bucket, 'it has neither endpoint nor region', '--region cn-hangzhou, say');
  const url = new URL(endpoint);
  const region = named ?? PUBLIC_HOST.exec(url.hostname)?.[1];
  if (!region)
    throw invalid(bucket, `its region is not to be seen in ${endpoint}`, 'give the region, cn-hangzhou, say');
  if (isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0) {
    throw invalid(
      bucket,
      `its endpoint ${endpoint} is an address`,
      'give a host name: OSS puts the bucket before it',
    );
  }
  const pathStyle = options.pathStyle ?? url.hostname === 'localhost';
  const origin = pathStyle ? `${url.protocol}//${url.host}` : `${url.protocol}//${bucket}.${url.host}`;
  return { endpoint: url.origin, region, pathStyle, origin, base: pathStyle ? `/${bucket}/` : '/' };
}

const invalid = (bucket: string, why: string, fix: string) =>
  new TidecacheError('INVALID', `cannot open oss://${bucket}: ${why} (${fix})`);
