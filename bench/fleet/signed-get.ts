/** One signature that is good for any range of an object: Range is not among what it covers. */
import { S3Client } from '@aws-sdk/client-s3';
import { SignatureV4 } from '@smithy/signature-v4';
import { BUCKET, type FleetFile } from './file.js';
import type { FleetOrigin } from './origin.js';

const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** Good for 15 minutes. */
export async function signedGet(
  { url, region, credentials }: FleetOrigin,
  { key }: FleetFile,
): Promise<{ url: string; headers: Record<string, string> }> {
  const { sha256 } = new S3Client({ region, credentials }).config;
  const signer = new SignatureV4({
    ...{ service: 's3', region, credentials, sha256 },
    ...{ uriEscapePath: false, applyChecksum: false },
  });
  const { protocol, hostname, host } = new URL(url);
  const path = `/${BUCKET}/${key}`;
  const headers = { host, 'x-amz-content-sha256': EMPTY_SHA256 };
  const signed = await signer.sign({ method: 'GET', protocol, hostname, path, headers });
  return { url: `${url}${path}`, headers: signed.headers };
}
