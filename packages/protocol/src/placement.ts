import type { FileId } from './ids.js';
import type { Ring, RingMember } from './messages.js';

/** Names, for each block, the workers to ask in order. Immutable: a new ring makes a new placement. */
export interface Placement {
  readonly ring: Ring;
  /** The first `count` distinct workers of a block (fewer when the ring has fewer), owner first. */
  rank(fileId: FileId, blockIndex: number, count: number): RingMember[];
}

export function createPlacement(ring: Ring): Placement {
  throw new Error(`not written yet ${ring.epoch}`);
}
