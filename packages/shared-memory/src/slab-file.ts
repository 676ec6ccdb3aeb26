/**
 * One slab: a file on a tmpfs, mapped by its worker to write and by clients to read. Node can't map files, LMDB does:
 * the file is an environment with one value, which nobody writes a transaction to again, and lmdb-js hands out a view
 * of a value this large where it lies in the map.
 *
 * The value begins with the nonce; the slab follows at the next boundary of a memory page.
 */
import { type Key, open, type RootDatabase } from 'lmdb';

/** lmdb-js copies smaller values. */
export const MIN_SLAB_BYTES = 16 << 20;
const PAGE = 4096;
export const NONCE_BYTES = 16;
const KEY = 0;
/** LMDB's own pages, and its page's header before the value. */
const OVERHEAD_BYTES = 1 << 20;
/** Each client has a slot in the lock file while it is attached. */
const MAX_CLIENTS = 1024;

export const valueBytes = (slabBytes: number): number => slabBytes + 2 * PAGE;
export const fileBytes = (slabBytes: number): number => valueBytes(slabBytes) + OVERHEAD_BYTES;

/** A mapped slab. After `close` its views are empty: they can't be looked at by mistake. */
export interface MappedSlab {
  readonly nonce: Uint8Array;
  readonly bytes: Uint8Array;
  /** Where `bytes` begin in the file. */
  readonly fileOffset: number;
  close(): Promise<void>;
}

export function openEnvironment(path: string, slabBytes: number, mode: 'create' | 'write' | 'read') {
  return open<Uint8Array, Key>({
    path,
    noSubdir: true,
    encoding: 'binary',
    keyEncoding: 'uint32',
    mapSize: fileBytes(slabBytes),
    maxDbs: 1,
    maxReaders: MAX_CLIENTS,
    compression: false,
    // The file is memory: there is nothing to flush.
    noSync: true,
    overlappingSync: false,
    ...(mode === 'read' && { readOnly: true }),
    ...(mode === 'write' && { useWritemap: true }),
  } as Parameters<typeof open>[0]) as RootDatabase<Uint8Array, Key>;
}

/** Undefined where lmdb-js copies instead of mapping: a Node that its binary was not built for. */
export function mapSlab(path: string, slabBytes: number, mode: 'write' | 'read'): MappedSlab | undefined {
  const environment = openEnvironment(path, slabBytes, mode);
  const value = environment.getBinaryFast(KEY);
  const map = value?.buffer as (ArrayBuffer & { isSharedMap?: boolean }) | undefined;
  if (value === undefined || map?.isSharedMap !== true || value.length !== valueBytes(slabBytes)) {
    void environment.close();
    return undefined;
  }
  const start = Math.ceil((value.byteOffset + NONCE_BYTES) / PAGE) * PAGE;
  return {
    nonce: new Uint8Array(map, value.byteOffset, NONCE_BYTES),
    bytes: new Uint8Array(map, start, slabBytes),
    fileOffset: start,
    async close() {
      // Takes the map away from every view of it before it is unmapped: looking at one then ends no process.
      structuredClone(map, { transfer: [map] });
      await environment.close();
    },
  };
}
