/** fauxqs on loopback: its own starter binds every interface. */
import { buildApp } from 'fauxqs';

export interface Fauxqs {
  readonly url: string;
  createBucket(name: string): Promise<void>;
  putRaw(bucket: string, key: string, bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** It looks at the header's shape alone. */
const AUTHORIZATION =
  'AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0';

export async function startFauxqs(): Promise<Fauxqs> {
  const app = buildApp({ logger: false });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  const put = async (path: string, body: Uint8Array) => {
    const answer = await fetch(`${url}/${path}`, {
      method: 'PUT',
      body: Buffer.from(body),
      headers: { authorization: AUTHORIZATION, 'content-type': 'application/octet-stream' },
    });
    if (!answer.ok) throw new Error(`fauxqs: PUT ${path}: ${answer.status}`);
  };
  return {
    url,
    createBucket: (name) => put(name, new Uint8Array(0)),
    putRaw: (bucket, key, bytes) => put(`${bucket}/${encodeURIComponent(key)}`, bytes),
    close: () => app.close(),
  };
}
