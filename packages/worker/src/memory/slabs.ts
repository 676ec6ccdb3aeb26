/** Large pieces of memory, all of one size, that a pool is made of. */
import { formatSize, TidecacheError } from '@tidecache/protocol';
import { SLAB_BYTES } from '../limits.js';

export interface Slabs {
  readonly slabBytes: number;
  readonly buffers: readonly Buffer[];
  /** Sees to it that a range has memory before it is first written to; false when there is none. */
  readonly back?: (slab: number, offset: number, length: number) => boolean;
}

/** Of this process alone. Throws NO_SPACE when the system refuses. */
export function privateSlabs(capacityBytes: number): Slabs {
  const buffers: Buffer[] = [];
  try {
    for (let bytes = capacityBytes; bytes > 0; bytes -= SLAB_BYTES) {
      buffers.push(Buffer.from(new SharedArrayBuffer(Math.min(bytes, SLAB_BYTES))));
    }
  } catch (cause) {
    throw new TidecacheError(
      'NO_SPACE',
      `cannot reserve ${formatSize(capacityBytes)} of memory: the system refused (give the worker less)`,
      { cause },
    );
  }
  return { slabBytes: SLAB_BYTES, buffers };
}
