/** Buckets in memory. Objects are bytes, or made when asked for, so that a large file needs no memory. */
import { createHash } from 'node:crypto';
import { compareKeys } from '../../names.js';

/** Writes the bytes at `offset` of an object into `out`. The same bytes each time. */
export type Fill = (offset: number, out: Buffer) => void;

export interface StoredObject {
  readonly size: number;
  /** Without quotes. */
  readonly etag: string;
  readonly mtimeMs: number;
  slice(start: number, end: number): Buffer;
}

export interface StoredPart {
  readonly bytes: Buffer;
  readonly etag: string;
}

export interface Upload {
  readonly key: string;
  readonly parts: Map<number, StoredPart>;
}

export class Bucket {
  readonly objects = new Map<string, StoredObject>();
  readonly uploads = new Map<string, Upload>();
  #sorted: string[] | undefined;

  set(key: string, object: StoredObject): void {
    if (!this.objects.has(key)) this.#sorted = undefined;
    this.objects.set(key, object);
  }

  delete(key: string): void {
    if (this.objects.delete(key)) this.#sorted = undefined;
  }

  /** All keys, in the order of their UTF-8 bytes. */
  get sorted(): readonly string[] {
    this.#sorted ??= [...this.objects.keys()].sort(compareKeys);
    return this.#sorted;
  }
}

export const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');

export function objectOf(bytes: Buffer, mtimeMs: number, etag = md5(bytes)): StoredObject {
  return { size: bytes.length, etag, mtimeMs, slice: (start, end) => bytes.subarray(start, end) };
}

export function generatedObject(size: number, fill: Fill, etag: string, mtimeMs: number): StoredObject {
  return {
    size,
    etag,
    mtimeMs,
    slice(start, end) {
      const out = Buffer.allocUnsafe(end - start);
      fill(start, out);
      return out;
    },
  };
}
