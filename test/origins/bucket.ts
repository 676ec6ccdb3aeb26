import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { S3User } from './ceph.js';

/** A bucket as the SDK alone sees it: what the suite does past the adapter. */
export interface Bucket {
  put(key: string, bytes: Uint8Array): Promise<void>;
  close(): void;
}

/** Makes a bucket. */
export async function makeBucket(endpoint: string, user: S3User, name: string): Promise<Bucket> {
  const client = new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: user,
    // By default the SDK adds trailing checksums, which Ceph 16 is too old for.
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  await client.send(new CreateBucketCommand({ Bucket: name }));
  return {
    async put(Key, Body) {
      await client.send(new PutObjectCommand({ Bucket: name, Key, Body }));
    },
    close: () => client.destroy(),
  };
}
