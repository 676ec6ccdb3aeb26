/**
 * S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi: "FIFO queues are all you need for cache eviction", SOSP '23), by bytes.
 *
 * New entries enter a small queue. What is not read again on its way through it is evicted and leaves its key in the
 * ghost; what is, moves to the main queue, as does what comes back while the ghost remembers it. So one scan of any
 * length passes through a tenth of the memory and leaves the rest alone.
 *
 * What is read is a range, not an entry: one sequential pass reads a block in many requests. A *reading* is therefore
 * as many bytes as the entry holds, and the one that made it come does not count. A random reader's request counts as
 * a whole reading: see {@link S3Fifo.touch}.
 *
 * Replicas of hot blocks live in the small queue alone: read by many at once, they would all be promoted, and push out
 * of the main queue what nobody else holds.
 */
import { GHOST_GRAIN_BYTES, SMALL_QUEUE_SHARE } from '../limits.js';
import { type Entry, MAX_FREQUENCY } from './entry.js';
import { Ghost } from './ghost.js';
import { EntryQueue } from './queue.js';

/** In the small queue, an entry with more readings than this is kept. The paper's value. */
const PROMOTED_ABOVE = 1;

export class S3Fifo {
  readonly #smallBytes: number;
  readonly #small = new EntryQueue();
  readonly #main = new EntryQueue();
  readonly #ghost: Ghost;

  constructor(capacityBytes: number) {
    this.#smallBytes = capacityBytes * SMALL_QUEUE_SHARE;
    this.#ghost = new Ghost(capacityBytes - this.#smallBytes, Math.ceil(capacityBytes / GHOST_GRAIN_BYTES));
  }

  get bytes(): number {
    return this.#small.bytes + this.#main.bytes;
  }

  get count(): number {
    return this.#small.count + this.#main.count;
  }

  insert(entry: Entry): void {
    entry.frequency = 0;
    entry.credit = -entry.heldBytes;
    (this.#ghost.take(entry.key) && !entry.replica ? this.#main : this.#small).push(entry);
  }

  /** `bytes` more (or fewer, when negative) are in memory. */
  resize(entry: Entry, bytes: number): void {
    entry.heldBytes += bytes;
    if (!entry.queue) return;
    entry.queue.bytes += bytes;
    if (bytes > 0) entry.credit -= bytes;
  }

  /** `bytes` of the entry were read; by a random reader, who will not come back for the rest, when `whole`. */
  touch(entry: Entry, bytes: number, whole: boolean): void {
    entry.credit += whole ? entry.heldBytes : bytes;
    while (entry.credit >= entry.heldBytes && entry.heldBytes > 0) {
      entry.credit -= entry.heldBytes;
      if (entry.frequency < MAX_FREQUENCY) entry.frequency++;
    }
  }

  /** Forgets the entry, wherever it is. */
  remove(entry: Entry): void {
    entry.queue?.remove(entry);
  }

  /** Takes the next victim out, or undefined when all that is left is pinned. */
  evict(): Entry | undefined {
    if (this.#small.bytes > this.#smallBytes) return this.#evictSmall() ?? this.#evictMain();
    return this.#evictMain() ?? this.#evictSmall();
  }

  #evictSmall(): Entry | undefined {
    // A pinned entry goes round; each is met once at most.
    for (let left = this.#small.count; left > 0; left--) {
      const entry = this.#small.oldest!;
      this.#small.remove(entry);
      if (entry.pins > 0) {
        this.#small.push(entry);
      } else if (entry.frequency > PROMOTED_ABOVE && !entry.replica) {
        this.#main.push(entry);
      } else {
        if (!entry.replica) this.#ghost.add(entry.key, entry.heldBytes);
        return entry;
      }
    }
    return undefined;
  }

  #evictMain(): Entry | undefined {
    // Each round lowers every frequency by one: after MAX_FREQUENCY rounds all that is left is pinned.
    for (let left = this.#main.count * (MAX_FREQUENCY + 1); left > 0; left--) {
      const entry = this.#main.oldest!;
      this.#main.remove(entry);
      if (entry.pins === 0 && entry.frequency === 0) return entry;
      if (entry.pins === 0) entry.frequency--;
      this.#main.push(entry);
    }
    return undefined;
  }
}
