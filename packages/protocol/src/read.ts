/**
 * READ's body: fixed binary, since it is the hot path. The source of the file follows, encoded once per open handle
 * and decoded by a worker on a miss alone.
 *
 * | offset | bytes | field |
 * | ---: | ---: | --- |
 * | 0 | 16 | file id |
 * | 16 | 4 | block index |
 * | 20 | 4 | offset in the block |
 * | 24 | 4 | length |
 * | 28 | 4 | flags |
 * | 32 | 4 | lease, or 0 |
 * | 36 | … | {@link Source}, in msgpack |
 *
 * The reply's payload is the bytes, in one frame from memory or in several as they arrive, and its body is empty, or
 * {@link HOT_REPLY}; or, to a request with a lease, it has no payload, and its body says where in the worker's shared
 * memory they are (see mapped.ts); or, to one that is {@link READ_REFERABLE}, it is HOT_REPLY alone.
 */
import { TidecacheError } from './errors.js';
import { FILE_ID_BYTES, type FileId } from './ids.js';
import { MAX_BLOCK_BYTES, MAX_READ_BYTES } from './limits.js';

export const READ_FIXED_BYTES = 36;
const BLOCK_NAME_BYTES = FILE_ID_BYTES + 4;
/** On a miss, fill the whole block: the reader is sequential. Without it, only the pages asked for. */
export const READ_WHOLE_BLOCK = 1;
/** Nobody waits for this yet: demand goes first, and a worker that is busy may refuse. */
export const READ_AHEAD = 2;
/**
 * The file is hot, and the worker was picked by its {@link Spread}: what it lacks it fetches from the block's owner.
 * Without it, also between workers, a miss is filled from the origin: so no request is passed on twice.
 */
export const READ_SPREAD = 4;
/**
 * By placement, from a reader that knows of no spread yet: a worker with a crowd before it may answer {@link HOT_REPLY}
 * without the bytes, rather than have one more wait for what its neighbours could send at once.
 */
export const READ_REFERABLE = 8;
/** From another worker, for its replica, which many will wait for: goes before readers. */
export const READ_COPY = 16;

/** The body of the last frame of a reply when many read the block's file in step: ask by its spread for a while. */
export const HOT_REPLY: Buffer = Buffer.of(1);

/** Told apart from where mapped bytes are by its length. */
export const isHotReply = (body: Uint8Array): boolean => body.length === HOT_REPLY.length;

export interface ReadRequest {
  fileId: FileId;
  blockIndex: number;
  /** Bytes from the block's start. */
  offset: number;
  /** Bytes, within the block and within the file. */
  length: number;
  flags: number;
  /** The asker's own number for what a mapped answer lends it, until it says RELEASE; 0: answer with a payload. */
  lease: number;
  /** The encoded {@link Source}: not decoded here. */
  source: Uint8Array;
}

/** What a worker reads. */
export interface DecodedRead extends ReadRequest {
  /** File id and index as they stand in the body, 20 latin1 characters: what a worker looks the block up by. */
  readonly blockName: string;
}

/** Throws INVALID on a file id that is not one. */
export function encodeRead(request: ReadRequest): Buffer {
  if (request.fileId.length !== FILE_ID_BYTES) {
    throw new TidecacheError('INVALID', `READ of a file id of ${request.fileId.length} bytes`);
  }
  const out = Buffer.allocUnsafe(READ_FIXED_BYTES + request.source.length);
  out.write(request.fileId, 0, FILE_ID_BYTES, 'latin1');
  out.writeUInt32LE(request.blockIndex, 16);
  out.writeUInt32LE(request.offset, 20);
  out.writeUInt32LE(request.length, 24);
  out.writeUInt32LE(request.flags, 28);
  out.writeUInt32LE(request.lease, 32);
  out.set(request.source, READ_FIXED_BYTES);
  return out;
}

/** Throws INVALID on a body that is too short or a range that no block can have. `source` is a view of `body`. */
export function decodeRead(body: Buffer): DecodedRead {
  if (body.length < READ_FIXED_BYTES) throw new TidecacheError('INVALID', `READ of ${body.length} bytes`);
  const offset = body.readUInt32LE(20);
  const length = body.readUInt32LE(24);
  if (length === 0 || length > MAX_READ_BYTES || offset + length > MAX_BLOCK_BYTES) {
    throw new TidecacheError('INVALID', `READ of ${length} bytes at ${offset} of a block`);
  }
  const blockName = body.toString('latin1', 0, BLOCK_NAME_BYTES);
  return {
    blockName,
    fileId: blockName.slice(0, FILE_ID_BYTES) as FileId,
    blockIndex: body.readUInt32LE(16),
    offset,
    length,
    flags: body.readUInt32LE(28),
    lease: body.readUInt32LE(32),
    source: body.subarray(READ_FIXED_BYTES),
  };
}
