import type { Invalidation } from '@tidecache/protocol';
import { MAX_INVALIDATION_ENTRIES } from '../limits.js';

/** What one transaction changes for others: collected within it, told to them when it is committed. */
export class Change {
  readonly entries: { parent: number; name: string }[] = [];
  readonly inodes: number[] = [];
  /** Inodes known, more or fewer, by dataset. */
  readonly counts = new Map<number, number>();
  /** A directory lost its name: there is something to sweep. */
  sweep = false;

  /** The name means something else from now on, or nothing. */
  invalidate(parent: number, name: string): void {
    this.entries.push({ parent, name });
  }

  /** No path leads to the inode any more. */
  drop(ino: number): void {
    this.inodes.push(ino);
  }

  count(datasetId: number, more: number): void {
    if (datasetId !== 0) this.counts.set(datasetId, (this.counts.get(datasetId) ?? 0) + more);
  }

  /** As pushes, each within its bound. */
  *invalidations(): Generator<Invalidation> {
    const most = Math.max(this.entries.length, this.inodes.length);
    for (let at = 0; at < most; at += MAX_INVALIDATION_ENTRIES) {
      yield {
        entries: this.entries.slice(at, at + MAX_INVALIDATION_ENTRIES),
        inodes: this.inodes.slice(at, at + MAX_INVALIDATION_ENTRIES),
      };
    }
  }
}
