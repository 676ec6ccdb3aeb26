/**
 * Where a file version comes from: all that a worker needs to fill its blocks, and what its file id is made of.
 */
import { hash } from 'node:crypto';
import { z } from 'zod';
import { decodeBody, encodeBody } from './body.js';
import { TidecacheError } from './errors.js';
import { FILE_ID_BYTES, type FileId } from './ids.js';
import { MAX_BLOCK_BYTES, MAX_KEY_BYTES, MIN_BLOCK_BYTES, PAGE_BYTES } from './limits.js';

export const Source = z.strictObject({
  datasetId: z.number().int().nonnegative(),
  /** Relative to the dataset's root; no leading slash. */
  key: z.string().min(1).max(MAX_KEY_BYTES),
  /** The origin's name of this version: an ETag, or inode, size and mtime. Opaque here. */
  version: z.string().max(1024),
  /** Bytes of the whole file. */
  size: z.number().int().nonnegative(),
  blockBytes: z.number().int().min(MIN_BLOCK_BYTES).max(MAX_BLOCK_BYTES).multipleOf(PAGE_BYTES),
});
export type Source = z.infer<typeof Source>;

/**
 * The file id: the first 16 bytes of SHA-256 over every field. Two versions of a file, or two block sizes, never
 * share a block; a worker recomputes it before it fills, so that a wrong client can't poison another's bytes.
 */
export function fileIdOf(source: Source): FileId {
  const { datasetId, key, version, size, blockBytes } = source;
  const digest = hash('sha256', JSON.stringify([datasetId, key, version, size, blockBytes]), 'binary');
  return digest.slice(0, FILE_ID_BYTES) as FileId;
}

export const encodeSource = (source: Source): Buffer => encodeBody(source);

/** Throws PROTOCOL when the bytes are no source, INVALID when they are not the source of `fileId`. */
export function decodeSource(bytes: Uint8Array, fileId: FileId): Source {
  const source = decodeBody(Source, bytes, 'READ source');
  if (fileIdOf(source) !== fileId) {
    throw new TidecacheError(
      'INVALID',
      `READ source of ${source.key} does not belong to the file id it came with`,
    );
  }
  return source;
}
