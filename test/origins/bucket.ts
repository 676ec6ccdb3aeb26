import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { S3User } from './ceph.js';

/** Makes a bucket. */
export async function makeBucket(endpoint: string, user: S3User, name: string): Promise<void> {
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: user });
  try {
    await client.send(new CreateBucketCommand({ Bucket: name }));
  } finally {
    client.destroy();
  }
}
