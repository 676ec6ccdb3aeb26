/**
 * Which workers hold a block: weighted rendezvous hashing. Every worker draws a number from the block and its own id;
 * the smallest −ln(u) ⁄ weight owns the block and the order of the others is the order to ask them in. No table is
 * kept: a worker that comes or goes moves its own blocks and no other's.
 *
 * Thaler & Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", IEEE/ACM ToN 6(1), 1998; the weights after
 * Schindelhauer & Schomaker, "Weighted Distributed Hash Tables", SPAA 2005: −ln(u) ⁄ w is an exponential draw of rate
 * w, and of several the smallest is i's with probability wᵢ ⁄ Σw.
 */
import { negativeLog2, spread } from './hash.js';
import type { FileId } from './ids.js';
import type { Ring, RingMember } from './messages.js';

/** Names, for each block, the workers to ask in order. Immutable: a new ring makes a new placement. */
export interface Placement {
  readonly ring: Ring;
  /** The first `count` distinct workers of a block (fewer when the ring has fewer), owner first. */
  rank(fileId: FileId, blockIndex: number, count: number): RingMember[];
}

/** Seeds that make two independent hashes of one text. */
const SEED_A = 0x9747b28c;
const SEED_B = 0x3c6ef372;

export function createPlacement(ring: Ring): Placement {
  // By id, so that neither the order nor a repetition in the message matters; equal draws go to the lesser id.
  const members = [...new Map(ring.members.map((member) => [member.id, member])).values()].sort((a, b) =>
    a.id < b.id ? -1 : 1,
  );
  const size = members.length;
  const seedsA = Int32Array.from(members, ({ id }) => hashText(id, SEED_A));
  const seedsB = Int32Array.from(members, ({ id }) => hashText(id, SEED_B));
  const shares = Float64Array.from(members, ({ weight }) => 1 / weight);
  const equal = members.every(({ weight }) => weight === members[0]!.weight);
  // The best so far, in order: reused, so that a look-up allocates its answer alone.
  const bestDraws = new Float64Array(size);
  const bestMembers = new Int32Array(size);
  let lastFileId: FileId | undefined;
  let fileA = 0;
  let fileB = 0;

  function rank(fileId: FileId, blockIndex: number, count: number): RingMember[] {
    if (fileId !== lastFileId) {
      lastFileId = fileId;
      fileA = hashText(fileId, SEED_A);
      fileB = hashText(fileId, SEED_B);
    }
    const blockA = spread(fileA ^ Math.imul(blockIndex, 0x9e3779b1));
    const blockB = spread(fileB + blockIndex);
    const wanted = Math.min(count, size);
    if (wanted <= 0) return [];
    let found = 0;
    for (let i = 0; i < size; i++) {
      const u = spread(spread(blockA ^ seedsA[i]!) + (blockB ^ seedsB[i]!)) >>> 0;
      // With equal weights the logarithm changes nothing: the smallest −ln(u) is the largest u.
      const draw = equal ? -u : negativeLog2(u) * shares[i]!;
      if (found === wanted && draw >= bestDraws[wanted - 1]!) continue;
      let at = found < wanted ? found++ : wanted - 1;
      for (; at > 0 && bestDraws[at - 1]! > draw; at--) {
        bestDraws[at] = bestDraws[at - 1]!;
        bestMembers[at] = bestMembers[at - 1]!;
      }
      bestDraws[at] = draw;
      bestMembers[at] = i;
    }
    const ranked: RingMember[] = new Array(wanted);
    for (let i = 0; i < wanted; i++) ranked[i] = members[bestMembers[i]!]!;
    return ranked;
  }

  return { ring, rank };
}

/** FNV-1a over UTF-16 code units, both bytes of each, spread at the end. */
function hashText(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  return spread(hash);
}
