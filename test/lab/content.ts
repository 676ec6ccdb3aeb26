/**
 * Bytes that look random, differ at every offset and can be made again from a seed: AES-128-CTR's key stream, so any
 * range costs its own length alone (about 3 GB/s).
 */
import { createCipheriv, createHash } from 'node:crypto';

export interface Content {
  readonly size: number;
  /** The bytes from `offset` on, at most `length`. */
  read(offset: number, length: number): Buffer;
  /** SHA-256 of all of it, in hex. */
  sha256(): string;
}

const CHUNK_BYTES = 4 << 20;
const AES_BLOCK_BYTES = 16;

export function generated(seed: string, size: number): Content {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  const read = (offset: number, length: number): Buffer => {
    const bytes = Math.max(0, Math.min(length, size - offset));
    const skip = offset % AES_BLOCK_BYTES;
    const counter = Buffer.alloc(16);
    counter.writeBigUInt64BE(BigInt(Math.floor(offset / AES_BLOCK_BYTES)), 8);
    const stream = createCipheriv('aes-128-ctr', key, counter);
    return stream.update(Buffer.alloc(bytes + skip)).subarray(skip);
  };
  return { size, read, sha256: () => hashOf(size, read) };
}

/** A content that is held in memory. */
export function literal(bytes: Buffer): Content {
  const read = (offset: number, length: number) => bytes.subarray(offset, offset + length);
  return { size: bytes.length, read, sha256: () => hashOf(bytes.length, read) };
}

export function* chunksOf(content: Content): Generator<Buffer> {
  for (let at = 0; at < content.size; at += CHUNK_BYTES) yield content.read(at, CHUNK_BYTES);
}

function hashOf(size: number, read: Content['read']): string {
  const hash = createHash('sha256');
  for (let at = 0; at < size; at += CHUNK_BYTES) hash.update(read(at, CHUNK_BYTES));
  return hash.digest('hex');
}
