/**
 * Signs GETs with the SDK's own Signature Version 4. Where requests go (virtual host or path, a custom
 * endpoint) the client is asked once, by letting it prepare one request that is not sent.
 */
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { SignatureV4 } from '@smithy/signature-v4';
import { encodePath, type SignedGet } from '../object-store/driver.js';

export interface GetSigner {
  /** Scheme, host and port of the bucket's requests. */
  readonly origin: string;
  get(key: string, headers: { range: string; ifMatch: string }): Promise<SignedGet>;
}

/** SHA-256 of no bytes. */
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

export async function createSigner(client: S3Client, bucket: string): Promise<GetSigner> {
  const target = await resolveTarget(client, bucket);
  const signer = new SignatureV4({
    service: 's3',
    region: client.config.region,
    credentials: client.config.credentials,
    sha256: client.config.sha256,
    // S3 signs paths as they are sent.
    uriEscapePath: false,
    // The hash is sent already.
    applyChecksum: false,
  });
  return {
    origin: target.origin,
    async get(key, { range, ifMatch }) {
      const path = target.base + encodePath(key);
      const signed = await signer.sign(
        {
          method: 'GET',
          protocol: target.protocol,
          hostname: target.hostname,
          path,
          headers: {
            host: target.host,
            range,
            'if-match': ifMatch,
            // A proxy must not compress: offsets are of the object's own bytes.
            'accept-encoding': 'identity',
            'x-amz-content-sha256': EMPTY_SHA256,
          },
        },
        { signingDate: new Date(Date.now() + client.config.systemClockOffset) },
      );
      return { origin: target.origin, path, headers: signed.headers };
    },
  };
}

interface Target {
  readonly origin: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly host: string;
  /** The path before the key. */
  readonly base: string;
}

interface PreparedRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
}

async function resolveTarget(client: S3Client, bucket: string): Promise<Target> {
  const probe = 'probe';
  const command = new GetObjectCommand({ Bucket: bucket, Key: probe });
  let prepared: PreparedRequest | undefined;
  command.middlewareStack.add(
    () => async (args) => {
      prepared = args.request as PreparedRequest;
      return { output: { $metadata: {} }, response: {} };
    },
    // After the endpoint is known, before anything is signed.
    { step: 'build', priority: 'low', name: 'tidecacheTarget' },
  );
  await client.send(command);
  if (!prepared) throw new Error('the SDK prepared no request');
  const { protocol, hostname, port } = prepared;
  const host = port === undefined ? hostname : `${hostname}:${port}`;
  const path = prepared.path.split('?', 1)[0] ?? '/';
  return { origin: `${protocol}//${host}`, protocol, hostname, host, base: path.slice(0, -probe.length) };
}
