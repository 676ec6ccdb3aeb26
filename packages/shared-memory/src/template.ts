/**
 * The first bytes of a slab's file: LMDB's own pages, with one value of zeros. Every slab of a size begins alike, and
 * all after that is holes, which take no memory before they are written to.
 */
import { closeSync, openSync, readSync, rmSync } from 'node:fs';
import { openEnvironment, valueBytes } from './slab-file.js';

/** More than LMDB's pages before the value. */
const HEAD_BYTES = 64 << 10;
const KEY = 0;

/** Writes one slab of zeros to `path` to see what LMDB puts before it, and removes it again. Takes some 100 ms. */
export async function slabTemplate(path: string, slabBytes: number): Promise<Buffer> {
  try {
    const environment = openEnvironment(path, slabBytes, 'create');
    try {
      await environment.put(KEY, Buffer.alloc(valueBytes(slabBytes)));
    } finally {
      await environment.close();
    }
    const head = Buffer.alloc(HEAD_BYTES);
    const file = openSync(path, 'r');
    try {
      readSync(file, head, 0, head.length, 0);
    } finally {
      closeSync(file);
    }
    return head;
  } finally {
    for (const leftover of [path, `${path}-lock`]) rmSync(leftover, { force: true });
  }
}
