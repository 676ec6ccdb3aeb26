/**
 * Who holds which segment, and what may go when memory is short: first what was read to its end, oldest first; then
 * what was longest untouched. All handles of one inode share its segments.
 */
import type { Clock } from '../clock.js';
import { CONSUMED_BYTES, READ_AHEAD_IDLE_MS, SEGMENT_BYTES } from '../limits.js';
import type { Lease } from '../workers/lease.js';
import type { NewSlab } from './arena.js';
import { Memory } from './memory.js';
import type { Segment } from './segment.js';

/** A file's segments by index, the file's offset over {@link SEGMENT_BYTES}. */
export type SegmentMap = Map<number, Segment>;

export const segmentIndexOf = (offset: number): number => Math.floor(offset / SEGMENT_BYTES);

export class SegmentCache {
  readonly memory: Memory;
  readonly #clock: Clock;
  /** Held by nobody. In the order in which they came to rest. */
  readonly #unread = new Set<Segment>();
  readonly #consumed = new Set<Segment>();
  #consumedBytes = 0;
  readonly #maps = new WeakMap<Segment, SegmentMap>();

  constructor(budgetBytes: number, clock: Clock, newSlab?: NewSlab) {
    this.#clock = clock;
    this.memory = new Memory(budgetBytes, clock, (speculative) => this.#evict(speculative), newSlab);
  }

  /** Lets others find it. Takes the place of a segment of the same index, whose holders keep it. */
  share(map: SegmentMap, segment: Segment): void {
    const index = segmentIndexOf(segment.start);
    const before = map.get(index);
    if (before) this.drop(before);
    map.set(index, segment);
    segment.shared = true;
    this.#maps.set(segment, map);
  }

  /** The caller looks at its bytes, or writes them, until {@link release}. */
  hold(segment: Segment): void {
    if (segment.holds++ > 0) return;
    this.#unread.delete(segment);
    if (this.#consumed.delete(segment)) this.#consumedBytes -= segment.length;
  }

  release(segment: Segment): void {
    if (segment.holds <= 0) throw new RangeError('a segment was released more often than it was held');
    if (--segment.holds > 0) return;
    if (!segment.shared) {
      this.#free(segment);
      return;
    }
    segment.idleSince = this.#clock.now();
    if (segment.deliveredBytes < segment.length) this.#unread.add(segment);
    // A worker lends it again for less than keeping it would cost: it can't evict what is lent.
    else if (segment.isMapped) this.drop(segment);
    else this.#consume(segment);
    this.memory.serve();
  }

  /** Nobody will find it any more; its memory goes when nobody holds it. */
  drop(segment: Segment): void {
    if (!segment.shared) return;
    segment.shared = false;
    const map = this.#maps.get(segment);
    const index = segmentIndexOf(segment.start);
    if (map?.get(index) === segment) map.delete(index);
    this.#unread.delete(segment);
    if (this.#consumed.delete(segment)) this.#consumedBytes -= segment.length;
    if (segment.holds === 0) this.#free(segment);
  }

  /** A piece of it is in a worker's memory, for as long as the lease is not revoked. */
  lend(segment: Segment, piece: number, lease: Lease): void {
    lease.onRevoked = () => this.drop(segment);
    segment.lend(piece, lease);
  }

  /** All of it is in workers' memory: its own serves others. */
  giveBlock(segment: Segment): void {
    const { block } = segment;
    segment.block = undefined;
    if (block) this.memory.give(block);
  }

  /** Its reader went elsewhere: what is there may go first, what is on its way is called off. */
  abandon(segment: Segment): void {
    if (segment.state === 'arriving') {
      if (segment.demanded) return;
      // Out of sight at once: who comes now must not join what is being called off.
      this.drop(segment);
      segment.cancel?.();
    } else if (this.#unread.delete(segment)) this.#consume(segment);
  }

  #free(segment: Segment): void {
    segment.endLeases();
    this.giveBlock(segment);
  }

  #consume(segment: Segment): void {
    this.#consumed.add(segment);
    this.#consumedBytes += segment.length;
    while (this.#consumedBytes > CONSUMED_BYTES) this.drop(first(this.#consumed)!);
  }

  #evict(speculative: boolean): boolean {
    const consumed = first(this.#consumed);
    if (consumed) {
      this.drop(consumed);
      return true;
    }
    const unread = first(this.#unread);
    if (!unread) return false;
    // Read-ahead that throws out other read-ahead, which throws it out in turn, would fetch everything twice.
    if (speculative && this.#clock.now() - unread.idleSince < READ_AHEAD_IDLE_MS) return false;
    this.drop(unread);
    return true;
  }
}

function first<T>(set: Set<T>): T | undefined {
  for (const value of set) return value;
  return undefined;
}
