/**
 * LEND: where the bytes of many small files lie in a worker's shared memory, asked for by a client on its host before
 * anybody reads them. What the worker does not have whole, in one piece, it does not fetch for it: that is READ's.
 *
 * The body of a request is one record for each range, and so names no sources:
 *
 * | offset | bytes | field |
 * | ---: | ---: | --- |
 * | 0 | 16 | file id |
 * | 16 | 4 | block index |
 * | 20 | 4 | offset in the block |
 * | 24 | 4 | length |
 * | 28 | 4 | lease, not 0 |
 *
 * The body of the reply is one range for each, in the same order, as in a mapped answer. Its length is 0 where nothing
 * was lent; its slab tells why then, see {@link NotLent}. Each range that was lent is to be given back by RELEASE.
 */
import { TidecacheError } from './errors.js';
import { FILE_ID_BYTES, type FileId } from './ids.js';
import { MAX_BLOCK_BYTES, MAX_LEND_RANGES, MAX_READ_BYTES } from './limits.js';
import { decodeRange, encodeRange, type MappedRange, RANGE_BYTES } from './mapped.js';
import type { ReadRequest } from './read.js';

export type LendRequest = Pick<ReadRequest, 'fileId' | 'blockIndex' | 'offset' | 'length' | 'lease'>;

/** `absent`: the worker does not have it whole. `later`: it lends no more before something is given back. */
export type NotLent = 'absent' | 'later';
export type Lent = MappedRange | NotLent;

export const LEND_BYTES = 32;

/** At most {@link MAX_LEND_RANGES}. */
export function encodeLend(wanted: readonly LendRequest[]): Buffer {
  const out = Buffer.allocUnsafe(wanted.length * LEND_BYTES);
  let at = 0;
  for (const { fileId, blockIndex, offset, length, lease } of wanted) {
    out.write(fileId, at, FILE_ID_BYTES, 'latin1');
    out.writeUInt32LE(blockIndex, at + 16);
    out.writeUInt32LE(offset, at + 20);
    out.writeUInt32LE(length, at + 24);
    out.writeUInt32LE(lease, at + 28);
    at += LEND_BYTES;
  }
  return out;
}

/** Throws INVALID on a body that is no whole records, or too many, and on ranges that no block can have. */
export function decodeLend(body: Buffer): LendRequest[] {
  const count = body.length / LEND_BYTES;
  if (!Number.isInteger(count) || count === 0 || count > MAX_LEND_RANGES) {
    throw new TidecacheError('INVALID', `LEND of ${body.length} bytes`);
  }
  return Array.from({ length: count }, (_, i) => decodeOne(body, i * LEND_BYTES));
}

function decodeOne(body: Buffer, at: number): LendRequest {
  const offset = body.readUInt32LE(at + 20);
  const length = body.readUInt32LE(at + 24);
  const lease = body.readUInt32LE(at + 28);
  if (length === 0 || length > MAX_READ_BYTES || offset + length > MAX_BLOCK_BYTES || lease === 0) {
    throw new TidecacheError('INVALID', `LEND of ${length} bytes at ${offset} of a block, lease ${lease}`);
  }
  return {
    fileId: body.toString('latin1', at, at + FILE_ID_BYTES) as FileId,
    blockIndex: body.readUInt32LE(at + 16),
    offset,
    length,
    lease,
  };
}

const NOT_LENT: Readonly<Record<NotLent, MappedRange>> = {
  absent: { slab: 0, offset: 0, length: 0 },
  later: { slab: 1, offset: 0, length: 0 },
};

export function encodeLent(answers: readonly Lent[]): Buffer {
  const out = Buffer.allocUnsafe(answers.length * RANGE_BYTES);
  for (const [i, answer] of answers.entries()) {
    encodeRange(typeof answer === 'string' ? NOT_LENT[answer] : answer, out, i * RANGE_BYTES);
  }
  return out;
}

/** Throws PROTOCOL when these are not the answers to `count` records. */
export function decodeLent(body: Buffer, count: number): Lent[] {
  if (body.length !== count * RANGE_BYTES) {
    throw new TidecacheError('PROTOCOL', `LEND of ${count} ranges answered by ${body.length} bytes`);
  }
  return Array.from({ length: count }, (_, i) => {
    const range = decodeRange(body, i * RANGE_BYTES);
    if (range.length > 0) return range;
    return range.slab === NOT_LENT.later.slab ? 'later' : 'absent';
  });
}
