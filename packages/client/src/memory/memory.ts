/**
 * The one budget of read-ahead memory. Reads that find it full wait in the order in which they came; read-ahead
 * never waits.
 */
import { TidecacheError } from '@tidecache/protocol';
import type { MaybePromise } from '../api.js';
import type { Clock } from '../clock.js';
import { MAX_MEMORY_WAITERS } from '../limits.js';
import { Arena, type Block, type NewSlab } from './arena.js';

/** Makes one block free that nobody looks at; false when there is none. `speculative`: only what no reader will miss. */
export type Evict = (speculative: boolean) => boolean;

interface Waiter {
  readonly refuse: (error: TidecacheError) => void;
  /** Sizes still to get; the blocks got so far. */
  readonly sizes: number[];
  readonly blocks: Block[];
  readonly resolve: (blocks: Block[]) => void;
  readonly stopTimer: () => void;
}

export class Memory {
  readonly #arena: Arena;
  readonly #evict: Evict;
  readonly #clock: Clock;
  #waiters: Waiter[] = [];
  #serving = false;

  constructor(budgetBytes: number, clock: Clock, evict: Evict, newSlab?: NewSlab) {
    this.#arena = new Arena(budgetBytes, newSlab);
    this.#clock = clock;
    this.#evict = evict;
  }

  get usedBytes(): number {
    return this.#arena.usedBytes;
  }

  get slabBytes(): number {
    return this.#arena.slabBytes;
  }

  get waiting(): number {
    return this.#waiters.length;
  }

  /** For read-ahead: a block now, or none. Never before a read that waits. */
  tryTake(bytes: number): Block | undefined {
    return this.#waiters.length > 0 ? undefined : this.#allocate(bytes, true);
  }

  /**
   * Blocks of `sizes`, all of them. Only the first in the queue gathers, so two reads can't each hold what the other
   * waits for. Rejects with TIMEOUT at `deadlineAt`, and with BUSY when too many wait.
   */
  take(sizes: readonly number[], deadlineAt: number): MaybePromise<Block[]> {
    const blocks: Block[] = [];
    if (this.#waiters.length === 0) {
      this.#gather(sizes, blocks);
      if (blocks.length === sizes.length) return blocks;
    }
    if (this.#waiters.length >= MAX_MEMORY_WAITERS) {
      for (const block of blocks) this.#arena.free(block);
      throw new TidecacheError(
        'BUSY',
        `read-ahead memory is full and ${MAX_MEMORY_WAITERS} reads wait for it`,
      );
    }
    return this.#wait([...sizes], blocks, deadlineAt);
  }

  /** Takes a block back. */
  give(block: Block): void {
    this.#arena.free(block);
    this.serve();
  }

  /** Something may have become evictable: goes on with those that wait. */
  serve(): void {
    // Evicting gives blocks back, which calls this again: the loop below sees them anyway.
    if (this.#serving) return;
    this.#serving = true;
    for (let first = this.#waiters[0]; first; first = this.#waiters[0]) {
      this.#gather(first.sizes, first.blocks);
      if (first.blocks.length < first.sizes.length) break;
      this.#waiters.shift();
      first.stopTimer();
      first.resolve(first.blocks);
    }
    this.#serving = false;
  }

  /** Sends all those that wait away. */
  refuseAll(error: TidecacheError): void {
    for (const waiter of [...this.#waiters]) waiter.refuse(error);
  }

  #gather(sizes: readonly number[], blocks: Block[]): void {
    while (blocks.length < sizes.length) {
      const block = this.#allocate(sizes[blocks.length]!, false);
      if (!block) return;
      blocks.push(block);
    }
  }

  #allocate(bytes: number, speculative: boolean): Block | undefined {
    let block = this.#arena.allocate(bytes);
    while (!block && this.#evict(speculative)) block = this.#arena.allocate(bytes);
    return block;
  }

  #wait(sizes: number[], blocks: Block[], deadlineAt: number): Promise<Block[]> {
    return new Promise((resolve, reject) => {
      const refuse = (error: TidecacheError) => {
        stopTimer();
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        for (const block of blocks) this.#arena.free(block);
        reject(error);
        this.serve();
      };
      const stopTimer = this.#clock.after(Math.max(0, deadlineAt - this.#clock.now()), () => {
        const held = `${this.#arena.usedBytes} bytes are held by other reads`;
        const fix = 'release their slices, or raise the buffer';
        refuse(new TidecacheError('TIMEOUT', `no read-ahead memory became free in time: ${held} (${fix})`));
      });
      const waiter: Waiter = { sizes, blocks, resolve, refuse, stopTimer };
      this.#waiters.push(waiter);
    });
  }
}
