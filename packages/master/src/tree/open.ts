/** OPEN and STALE: whether a file's inode still is what its path holds at the origin. */
import { type InodeRecord, type Invalidation, TidecacheError } from '@tidecache/protocol';
import type { ObjectInfo } from '@tidecache/storage';
import { nameOf, rawNameOf, type StoredInode } from '../store/codec.js';
import { SingleFlight } from '../util/single-flight.js';
import { isAway, type TreeContext, verifier } from './context.js';
import { validMs } from './policy.js';
import { recordOf } from './records.js';

export class Open {
  readonly #context: TreeContext;
  readonly #flights = new SingleFlight<void>();

  constructor(context: TreeContext) {
    this.#context = context;
  }

  /** The record that a handle is pinned to. STALE when the path holds another version by now: look it up again. */
  open(ino: number): InodeRecord | Promise<InodeRecord> {
    const { tree, datasets, metrics } = this.#context;
    const inode = tree.require(ino);
    if (inode.kind === 'directory') {
      throw new TidecacheError('IS_A_DIRECTORY', `${tree.pathOf(inode)} is a directory`);
    }
    const { metadata } = datasets.require(inode.datasetId);
    this.#requireCurrent(inode);
    if (this.#validMs(inode) > 0) {
      metrics.metadata.inc({ from: 'cache' });
      return recordOf(inode, datasets);
    }
    return this.#check(inode, typeof metadata === 'object').then(
      () => {
        metrics.metadata.inc({ from: 'origin' });
        this.#requireCurrent(inode);
        return recordOf(inode, datasets);
      },
      (error: TidecacheError) => {
        if (!isAway(error) || !tree.store.isCurrent(inode)) throw error;
        metrics.metadata.inc({ from: 'stale' });
        return recordOf(inode, datasets);
      },
    );
  }

  /**
   * A reader found that the inode's version is gone. Asks the origin, whatever the policy, and tells everyone of a
   * change. Resolves to what this reader alone must be told again, when the change is known already.
   */
  async stale(ino: number): Promise<Invalidation | undefined> {
    const { tree } = this.#context;
    const inode = tree.store.inode(ino);
    if (!inode) return { entries: [], inodes: [ino] };
    if (inode.kind === 'directory') return undefined;
    if (tree.store.isCurrent(inode)) {
      await this.#check(inode, true);
      return undefined;
    }
    return { entries: [{ parent: inode.parent, name: nameOf(rawNameOf(inode)) }], inodes: [ino] };
  }

  #validMs(inode: StoredInode): number {
    const { tree, datasets } = this.#context;
    const { metadata } = datasets.require(inode.datasetId);
    const directory = tree.requireDirectory(inode.parent);
    const entry = tree.store.entry(inode.parent, rawNameOf(inode));
    return entry ? validMs(metadata, verifier(this.#context, directory)(entry), tree.now()) : 0;
  }

  #requireCurrent(inode: StoredInode): void {
    const { tree } = this.#context;
    if (tree.store.isCurrent(inode)) return;
    throw new TidecacheError('STALE', `${inode.key} is another version now (look it up again)`);
  }

  /** Asks the origin once, however many wait, and takes in what it says. */
  #check(inode: StoredInode, touch: boolean): Promise<void> {
    const { origins, datasets, tree } = this.#context;
    return this.#flights.do(String(inode.ino), async () => {
      const dataset = datasets.require(inode.datasetId);
      const askedMs = tree.now();
      const info = await origins.ask(dataset, 'stat', async (origin, call) => {
        try {
          return await origin.stat(inode.key, call);
        } catch (thrown) {
          if (thrown instanceof TidecacheError && thrown.code === 'NOT_FOUND') return undefined;
          throw thrown;
        }
      });
      this.#learn(inode, info, askedMs, touch);
    });
  }

  #learn(inode: StoredInode, info: ObjectInfo | undefined, askedMs: number, touch: boolean): void {
    const { tree, datasets } = this.#context;
    const { readOnly } = datasets.require(inode.datasetId);
    const directory = tree.requireDirectory(inode.parent);
    const entry = tree.store.entry(directory.ino, rawNameOf(inode));
    if (entry?.ino !== inode.ino || entry.checkedMs > askedMs) return;
    const unchanged = info?.version === inode.version && info?.size === inode.size;
    if (unchanged && !touch) return;
    tree.change(`checking ${inode.key}`, (change) => {
      if (!info) tree.forget(change, directory, entry);
      else
        tree.observe(change, directory, { ...info, kind: 'file' }, { checkedMs: askedMs, readOnly, touch });
    });
  }
}
