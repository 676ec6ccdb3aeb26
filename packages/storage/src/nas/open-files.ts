/** Descriptors kept open between reads of one file version: the least recently used goes first, an idle one by time. */
import type { FileHandle } from 'node:fs/promises';
import { MAX_OPEN_FILES, OPEN_FILE_IDLE_MS } from '../limits.js';

interface Slot {
  readonly handle: Promise<FileHandle>;
  users: number;
  usedAtMs: number;
  /** No longer handed out; closed when its last user leaves. */
  retired: boolean;
}

export interface Lease {
  readonly handle: FileHandle;
  /** It was open already, so whether the path still leads to it is not known. */
  readonly reused: boolean;
  release(): void;
  /** Not to be handed out again. */
  retire(): void;
}

export class OpenFiles {
  readonly #slots = new Map<string, Slot>();
  readonly #now: () => number;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The descriptor for `id`, opened by `open` once however many ask. */
  async lease(id: string, open: () => Promise<FileHandle>): Promise<Lease> {
    let slot = this.#slots.get(id);
    const reused = slot !== undefined;
    if (slot) {
      this.#slots.delete(id);
    } else {
      slot = { handle: open(), users: 0, usedAtMs: 0, retired: false };
    }
    // A map keeps its order of insertion: the last is the most recently used.
    this.#slots.set(id, slot);
    const mine = slot;
    mine.users++;
    mine.usedAtMs = this.#now();
    try {
      const handle = await mine.handle;
      this.#shrink();
      this.#startSweeping();
      return {
        handle,
        reused,
        release: () => this.#release(mine),
        retire: () => this.#retire(id, mine),
      };
    } catch (error) {
      if (this.#slots.get(id) === mine) this.#slots.delete(id);
      throw error;
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
    for (const [id, slot] of this.#slots) this.#retire(id, slot);
  }

  #release(slot: Slot): void {
    slot.users--;
    slot.usedAtMs = this.#now();
    if (slot.retired && slot.users === 0) close(slot);
  }

  #retire(id: string, slot: Slot): void {
    if (this.#slots.get(id) === slot) this.#slots.delete(id);
    if (slot.retired) return;
    slot.retired = true;
    if (slot.users === 0) close(slot);
  }

  #shrink(): void {
    for (const [id, slot] of this.#slots) {
      if (this.#slots.size <= MAX_OPEN_FILES) return;
      if (slot.users === 0) this.#retire(id, slot);
    }
  }

  #startSweeping(): void {
    if (this.#sweeper) return;
    this.#sweeper = setInterval(() => this.sweep(), OPEN_FILE_IDLE_MS);
    this.#sweeper.unref();
  }

  /** Closes what nobody used for {@link OPEN_FILE_IDLE_MS}. */
  sweep(): void {
    const limitMs = this.#now() - OPEN_FILE_IDLE_MS;
    for (const [id, slot] of this.#slots) {
      if (slot.users === 0 && slot.usedAtMs <= limitMs) this.#retire(id, slot);
    }
    if (this.#slots.size === 0) {
      clearInterval(this.#sweeper);
      this.#sweeper = undefined;
    }
  }
}

/** Nothing was written through it, so nothing is lost if closing fails. */
const close = (slot: Slot): void => void slot.handle.then((handle) => handle.close()).catch(() => undefined);
