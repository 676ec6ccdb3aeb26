/**
 * Lanes: the event loops of one worker. Each has a port and memory of its own, and each block of the worker belongs to
 * one of them, so that they share nothing and no bytes cross from one to another (as the shards of Seastar do).
 */
import { spread } from './hash.js';
import type { FileId } from './ids.js';
import type { Lane, RingMember } from './messages.js';

/**
 * The lane of a block, from 0 to `lanes` - 1. Independent of placement: the blocks of any one worker are spread over
 * its lanes evenly. The file id is a digest, so four of its bytes are a hash of the file.
 */
export function laneOf(fileId: FileId, blockIndex: number, lanes: number): number {
  if (lanes === 1) return 0;
  const file =
    fileId.charCodeAt(12) |
    (fileId.charCodeAt(13) << 8) |
    (fileId.charCodeAt(14) << 16) |
    (fileId.charCodeAt(15) << 24);
  const hash = spread(spread(file) + Math.imul(blockIndex, 0x9e3779b1)) >>> 0;
  return Math.floor((hash / 2 ** 32) * lanes);
}

/** Where each lane of a worker listens: at least one. */
export function lanesOf({ port, unixPath, lanes }: RingMember): readonly Lane[] {
  return lanes ?? [unixPath === undefined ? { port } : { port, unixPath }];
}
