/** A client's side: a worker's memory, to read. */
import { type MappedRange, type SharedMemory, TidecacheError } from '@tidecache/protocol';
import { type MappedSlab, mapSlab } from './slab-file.js';

export interface MappedMemory {
  /** The bytes where they lie. Throws CORRUPT for a range that the memory does not have. */
  view(range: MappedRange): Uint8Array;
  /** Every view becomes empty. */
  close(): Promise<void>;
}

/** Throws UNSUPPORTED where the worker's files can't be seen from here, or are another worker's. */
export function attachSharedMemory(description: SharedMemory): MappedMemory {
  const slabs = new Map<number, MappedSlab>();
  const slabOf = (index: number): MappedSlab => {
    let slab = slabs.get(index);
    if (!slab) {
      slab = mapOne(description, index);
      slabs.set(index, slab);
    }
    return slab;
  };
  // The first tells whether all can be had.
  slabOf(0);
  return {
    view({ slab, offset, length }) {
      if (slab >= description.slabs || offset + length > description.slabBytes) {
        throw new TidecacheError('CORRUPT', `no bytes ${offset} to ${offset + length} in slab ${slab}`);
      }
      return slabOf(slab).bytes.subarray(offset, offset + length);
    },
    async close() {
      const all = [...slabs.values()];
      slabs.clear();
      await Promise.all(all.map((slab) => slab.close()));
    },
  };
}

function mapOne(description: SharedMemory, index: number): MappedSlab {
  const path = `${description.path}.${index}`;
  let slab: MappedSlab | undefined;
  try {
    slab = mapSlab(path, description.slabBytes, 'read');
  } catch (cause) {
    throw new TidecacheError('UNSUPPORTED', `cannot map ${path}: ${(cause as Error).message}`, { cause });
  }
  if (slab && Buffer.from(slab.nonce).toString('hex') === description.nonce) return slab;
  void slab?.close();
  throw new TidecacheError('UNSUPPORTED', `cannot map ${path}: it is another worker's, or can't be shared`);
}
