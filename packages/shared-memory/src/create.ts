/** A worker's side: memory that clients on its host can map. */
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, statfsSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { formatSize, GiB, MAX_SLABS, MiB, type SharedMemory, TidecacheError } from '@tidecache/protocol';
import { claim, removeFiles, removeLeftovers, socketPrefix } from './owner.js';
import { fileBytes, type MappedSlab, MIN_SLAB_BYTES, mapSlab, NONCE_BYTES } from './slab-file.js';
import { slabTemplate } from './template.js';

const TMPFS_MAGIC = 0x01021994;
/** Written at once when memory is made sure of. */
const ZEROS = Buffer.alloc(4 * MiB);

export interface OwnedMemory {
  /** What a client needs to attach. */
  readonly description: SharedMemory;
  /** All of one size; they hold `capacityBytes` together. */
  readonly slabs: readonly Uint8Array[];
  readonly slabBytes: number;
  /**
   * Makes sure that a range of a slab has memory: without it, the first write would end the process where the tmpfs
   * is full. False when it is. The range's bytes become zeros.
   */
  back(slab: number, offset: number, length: number): boolean;
  /** Nobody may look at the slabs any more. Clients keep what they have mapped. */
  close(): Promise<void>;
}

/**
 * Memory of `capacityBytes` on the tmpfs `dir`. Takes none of it before it is backed. Throws UNSUPPORTED where it
 * can't be had, saying why: no tmpfs, no room, or a Node whose LMDB does not map.
 */
export async function createSharedMemory(init: {
  readonly dir: string;
  /** The worker's Unix-domain socket: whose owner it is. */
  readonly socketPath: string;
  readonly capacityBytes: number;
}): Promise<OwnedMemory> {
  const { dir, socketPath, capacityBytes } = init;
  const slabBytes = slabBytesFor(capacityBytes);
  const count = Math.ceil(capacityBytes / slabBytes);
  if (count > MAX_SLABS) throw unsupported(`${formatSize(capacityBytes)} is more than it can hold`);
  removeLeftoversOf(dir, socketPath);
  assertRoom(dir, count * slabBytes);
  const base = `${socketPrefix(socketPath)}${randomBytes(6).toString('hex')}`;
  const path = join(dir, base);
  const nonce = randomBytes(NONCE_BYTES);
  const slabs: MappedSlab[] = [];
  const files: number[] = [];
  const removeAll = () => removeFiles(dir, base);
  process.once('exit', removeAll);
  const close = async () => {
    process.off('exit', removeAll);
    for (const file of files.splice(0)) closeSync(file);
    await Promise.all(slabs.splice(0).map((slab) => slab.close()));
    removeAll();
  };
  try {
    claim(path);
    const head = await slabTemplate(`${path}.template`, slabBytes);
    for (let i = 0; i < count; i++) {
      const file = `${path}.${i}`;
      writeFileSync(file, head, { mode: 0o600 });
      truncateSync(file, fileBytes(slabBytes));
      const slab = mapSlab(file, slabBytes, 'write');
      if (!slab) throw unsupported(`LMDB does not map memory on Node ${process.version}`);
      slab.nonce.set(nonce);
      slabs.push(slab);
      files.push(openSync(file, 'r+'));
    }
  } catch (thrown) {
    await close();
    throw thrown instanceof TidecacheError ? thrown : unsupported(String(thrown), thrown);
  }
  return {
    description: { path, slabs: count, slabBytes, nonce: nonce.toString('hex') },
    slabs: slabs.map(({ bytes }) => bytes),
    slabBytes,
    back: (slab, offset, length) => writeZeros(files[slab]!, slabs[slab]!.fileOffset + offset, length),
    close,
  };
}

/** Few files where there is much memory, and little to write for the template where there is not. */
function slabBytesFor(capacityBytes: number): number {
  if (capacityBytes >= 16 * GiB) return 1 * GiB;
  if (capacityBytes >= 1 * GiB) return 128 * MiB;
  return Math.max(MIN_SLAB_BYTES, 32 * MiB);
}

function removeLeftoversOf(dir: string, socketPath: string): void {
  try {
    removeLeftovers(dir, socketPath);
  } catch (cause) {
    throw unsupported(`${dir} cannot be used (${(cause as Error).message})`, cause);
  }
}

function assertRoom(dir: string, bytes: number): void {
  const { type, bavail, bsize } = statfsSync(dir);
  if (type !== TMPFS_MAGIC) throw unsupported(`${dir} is no tmpfs`);
  const free = bavail * bsize;
  if (free < bytes)
    throw unsupported(`${dir} has ${formatSize(free)} free, and ${formatSize(bytes)} are needed`);
}

function writeZeros(file: number, position: number, length: number): boolean {
  try {
    for (let at = 0; at < length; ) {
      at += writeSync(file, ZEROS, 0, Math.min(ZEROS.length, length - at), position + at);
    }
    return true;
  } catch {
    return false;
  }
}

const unsupported = (why: string, cause?: unknown) =>
  new TidecacheError('UNSUPPORTED', `no memory to share with clients on this host: ${why}`, { cause });
