/** Clears away what no path leads to: entries below removed directories at once, replaced files' records in a day. */

import { RETIRED_KEEP_MS, SWEEP_BATCH, SWEEP_MS, SWEEP_PAUSE_MS } from '../limits.js';
import type { Logger } from '../util/logger.js';
import { every, type Timers } from '../util/timers.js';
import type { Tree } from './tree.js';

export class Sweeper {
  readonly #tree: Tree;
  readonly #timers: Timers;
  readonly #logger: Logger;
  readonly #stopRegular: () => void;
  #cancel: (() => void) | undefined;

  constructor(tree: Tree, timers: Timers, logger: Logger) {
    this.#tree = tree;
    this.#timers = timers;
    this.#logger = logger;
    this.#stopRegular = every(timers, SWEEP_MS, () => this.kick());
    this.kick();
  }

  /** There may be something to sweep. */
  kick(): void {
    this.#cancel ??= this.#timers.after(SWEEP_PAUSE_MS, () => {
      this.#cancel = undefined;
      try {
        if (this.step()) this.kick();
      } catch (error) {
        // A full disk, most likely: the next regular sweep tries again.
        this.#logger.warn({ error }, 'could not sweep inodes that no path leads to');
      }
    });
  }

  /** One transaction's work; true when more is left. */
  step(): boolean {
    return this.#sweepDirectory() || this.#sweepRetired();
  }

  stop(): void {
    this.#stopRegular();
    this.#cancel?.();
  }

  #sweepDirectory(): boolean {
    const tree = this.#tree;
    const ino = tree.store.removedDirectory();
    if (ino === undefined) return false;
    tree.store.write('sweeping a removed directory', () => {
      const entries = tree.store.entries(ino, '', undefined, SWEEP_BATCH);
      for (const entry of entries) {
        tree.store.removeEntry(ino, entry.raw);
        if (entry.raw.endsWith('/')) tree.store.markRemoved(entry.ino);
        else tree.store.retire(entry.ino, tree.now());
      }
      const datasetId = tree.store.inode(ino)?.datasetId ?? 0;
      tree.uncount(datasetId, entries.length);
      if (entries.length < SWEEP_BATCH) tree.store.dropRemoved(ino);
    });
    return true;
  }

  #sweepRetired(): boolean {
    const { store, now } = this.#tree;
    const before = now() - RETIRED_KEEP_MS;
    // Looked at outside a transaction first: most of the time there is nothing.
    if (!store.hasRetired(before)) return false;
    return (
      store.write('sweeping replaced files', () => store.sweepRetired(before, SWEEP_BATCH)) === SWEEP_BATCH
    );
  }
}
