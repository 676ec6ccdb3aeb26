/**
 * Whom to ask for the blocks of a file that many read in step. Placement balances blocks over a cluster, but draws the
 * owner of each block alone: 20 blocks in a row belong to about 13 of 20 workers, and readers that
 * stand at the same place queue at them while the others idle. So while a file is hot its blocks are dealt out anew:
 * as many in a row as there are workers go to one worker each. Most stay at their owner; the others are served by a
 * replica that fetches the block from its owner. Where fewer blocks are left than workers (the end of a file, a small
 * file), each is served by several, and every reader goes to one of them by its own phase.
 *
 * It only says where to look for a copy. What it names changes with the ring; who owns a block does not.
 */
import type { FileId } from './ids.js';
import type { RingMember } from './messages.js';
import type { Placement } from './placement.js';

/** Blocks dealt out together, at most: about as many as a reader's window spans. */
export const MAX_SPREAD_GROUP = 32;
/** Workers that serve one block at once, at most. */
export const MAX_SPREAD_WORKERS = 4;
/** Groups remembered: the windows of readers of a few files. */
const KEPT_GROUPS = 16;

export interface Spread {
  /** Blocks of a group: of block `b`, the group is `⌊b ⁄ groupBlocks⌋`. 0 on an empty ring. */
  readonly groupBlocks: number;
  /** Whom to ask for a block of a file of `blocks` blocks. `phase`, from 0 to below 1, is the reader's own. */
  pick(fileId: FileId, blocks: number, blockIndex: number, phase: number): RingMember | undefined;
  /** The blocks of a group that a worker is asked for. */
  sharesOf(workerId: string, fileId: FileId, blocks: number, group: number): number[];
}

interface Group {
  readonly fileId: FileId;
  readonly index: number;
  readonly blocks: number;
  readonly from: number;
  readonly count: number;
  /** Slots that one block takes: 1 or more. Block `j` of the group takes those from `j · width` to `(j + 1) · width`. */
  readonly width: number;
  readonly slots: readonly RingMember[];
}

export function createSpread(placement: Placement): Spread {
  const workers = new Set(placement.ring.members.map(({ id }) => id)).size;
  const groupBlocks = Math.min(workers, MAX_SPREAD_GROUP);
  const kept: Group[] = [];
  let next = 0;

  function groupOf(fileId: FileId, blocks: number, index: number): Group {
    for (const group of kept) {
      if (group.index === index && group.fileId === fileId && group.blocks === blocks) return group;
    }
    const group = deal(fileId, blocks, index);
    kept[next] = group;
    next = (next + 1) % KEPT_GROUPS;
    return group;
  }

  function deal(fileId: FileId, blocks: number, index: number): Group {
    const from = index * groupBlocks;
    const count = Math.max(0, Math.min(groupBlocks, blocks - from));
    const width = count === 0 ? 1 : Math.min(workers / count, MAX_SPREAD_WORKERS);
    const size = Math.min(workers, Math.ceil(count * width));
    const slots = new Array<RingMember | undefined>(size).fill(undefined);
    const used = new Set<string>();
    // Owners first, each in a slot of a block of its own: what they serve needs no copy.
    for (let j = 0; j < count; j++) {
      const owner = placement.rank(fileId, from + j, 1)[0]!;
      const last = Math.min(size, Math.ceil((j + 1) * width));
      for (let slot = Math.floor(j * width); slot < last && !used.has(owner.id); slot++) {
        if (slots[slot]) continue;
        slots[slot] = owner;
        used.add(owner.id);
      }
    }
    for (let slot = 0; slot < size; slot++) {
      if (slots[slot]) continue;
      const block = from + Math.min(count - 1, Math.floor(slot / width));
      // One of the first `size` is free, since fewer than that are used.
      const free = placement.rank(fileId, block, size).find(({ id }) => !used.has(id))!;
      slots[slot] = free;
      used.add(free.id);
    }
    return { fileId, index, blocks, from, count, width, slots: slots as RingMember[] };
  }

  return {
    groupBlocks,
    pick(fileId, blocks, blockIndex, phase) {
      if (workers === 0 || blockIndex >= blocks) return undefined;
      const { from, width, slots } = groupOf(fileId, blocks, Math.floor(blockIndex / groupBlocks));
      const j = blockIndex - from;
      // The phase may be so near to 1 that the sum is rounded up.
      const last = Math.min(slots.length, Math.ceil((j + 1) * width)) - 1;
      return slots[Math.min(last, Math.floor((j + phase) * width))];
    },
    sharesOf(workerId, fileId, blocks, index) {
      const shares: number[] = [];
      if (workers === 0) return shares;
      const { from, count, width, slots } = groupOf(fileId, blocks, index);
      const slot = slots.findIndex(({ id }) => id === workerId);
      if (slot < 0) return shares;
      for (let j = Math.floor(slot / width); j < count && j * width < slot + 1; j++) shares.push(from + j);
      return shares;
    },
  };
}
