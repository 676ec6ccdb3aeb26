/** Which origin stands where in the tree. */
import {
  Dataset,
  type DatasetList,
  encodeBody,
  type InodeId,
  MAX_DATASETS,
  ROOT_INODE,
  TidecacheError,
} from '@tidecache/protocol';
import { parseOriginUri } from '@tidecache/storage';
import { MAX_DATASET_LIST_BYTES } from '../limits.js';
import { rawNameOf } from '../store/codec.js';
import type { Change } from './change.js';
import { checkPlace, splitPath } from './dataset-path.js';
import { type Origins, originOptions } from './origins.js';
import type { Tree } from './tree.js';

export type NewDataset = Omit<Dataset, 'id'>;

interface Kept {
  readonly dataset: Dataset;
  readonly root: number;
}

export class Datasets {
  readonly #tree: Tree;
  readonly #origins: Origins;
  readonly #onChange: (list: DatasetList) => void;
  readonly #byId = new Map<number, Kept>();
  /** Paths whose origins are being checked, so that two at once can't take the same place. */
  readonly #adding = new Set<string>();

  /** Reads the datasets that are kept. `onChange` tells those who follow them. */
  constructor(tree: Tree, origins: Origins, onChange: (list: DatasetList) => void) {
    this.#tree = tree;
    this.#origins = origins;
    this.#onChange = onChange;
    for (const value of tree.store.datasets()) {
      const { dataset, root } = value as { dataset: unknown; root: number };
      const parsed = Dataset.parse(dataset);
      this.#byId.set(parsed.id, { dataset: parsed, root });
    }
  }

  get size(): number {
    return this.#byId.size;
  }

  get(id: number): Dataset | undefined {
    return this.#byId.get(id)?.dataset;
  }

  /** The dataset of an inode in one; STALE when it was removed. */
  require(id: number): Dataset {
    const dataset = this.get(id);
    if (dataset) return dataset;
    throw new TidecacheError('STALE', 'the dataset of this inode was removed');
  }

  list(): DatasetList {
    return { generation: this.#tree.store.counter('generation'), datasets: this.#all() };
  }

  /** NOT_FOUND when there is none at `path`. */
  at(path: string): Dataset {
    const wanted = path.endsWith('/') && path !== '/' ? path.slice(0, -1) : path;
    for (const { dataset } of this.#byId.values()) if (dataset.path === wanted) return dataset;
    throw new TidecacheError('NOT_FOUND', `there is no dataset at ${path} (see \`tidecache dataset ls\`)`);
  }

  /**
   * Checks the path, the URI and, by asking it, the origin; then saves the dataset and tells everyone. Throws INVALID,
   * ALREADY_EXISTS, NO_SPACE, or what the origin says; nothing stays then.
   */
  async add(wanted: NewDataset): Promise<Dataset> {
    const names = splitPath(wanted.path);
    const path = `/${names.join('/')}`;
    parseOriginUri(wanted.uri);
    this.#checkRoom();
    this.#checkPlace(path);
    this.#adding.add(path);
    try {
      await this.#origins.check(wanted.uri, originOptions(wanted));
    } finally {
      this.#adding.delete(path);
    }
    const dataset = this.#save({ ...wanted, path }, names);
    this.#onChange(this.list());
    return dataset;
  }

  /** Takes the dataset out of the tree and tells everyone; its inodes are swept later. NOT_FOUND, NO_SPACE. */
  async remove(path: string): Promise<Dataset> {
    const { id } = this.at(path);
    const { dataset, root } = this.#byId.get(id) as Kept;
    this.#tree.change(
      `removing the dataset at ${dataset.path}`,
      (change) => {
        this.#tree.store.removeDataset(id);
        this.#tree.forgetCount(id);
        this.#bumpGeneration();
        this.#unlink(change, root);
      },
      { durable: true },
    );
    this.#byId.delete(id);
    this.#onChange(this.list());
    await this.#origins.close(id);
    return dataset;
  }

  #save(wanted: NewDataset, names: string[]): Dataset {
    const { store } = this.#tree;
    const id = store.counter('datasetId') + 1;
    const dataset: Dataset = { ...wanted, id, options: originOptions(wanted) };
    const bytes = encodeBody({ generation: id, datasets: [...this.#all(), dataset] }).length;
    if (bytes > MAX_DATASET_LIST_BYTES) {
      throw new TidecacheError(
        'INVALID',
        `the list of datasets would be longer than ${MAX_DATASET_LIST_BYTES} bytes (remove some, or shorten their paths)`,
      );
    }
    const root = this.#tree.change(
      `adding the dataset at ${wanted.path}`,
      (change) => {
        const inode = this.#link(change, names, id);
        store.putCounter('datasetId', id);
        store.putDataset(id, { dataset, root: inode });
        this.#bumpGeneration();
        return inode;
      },
      { durable: true },
    );
    this.#byId.set(id, { dataset, root });
    return dataset;
  }

  /** Makes the directories above the dataset that are not there yet, and its root. */
  #link(change: Change, names: string[], id: number): InodeId {
    let at: InodeId = ROOT_INODE;
    for (const name of names.slice(0, -1)) {
      const entry = this.#tree.store.entry(at, `${name}/`);
      at = entry?.ino ?? this.#tree.addDirectory(change, at, name, 0).ino;
    }
    return this.#tree.addDirectory(change, at, names.at(-1) as string, id).ino;
  }

  /** Takes out the dataset's root, and the directories above it that hold nothing else. */
  #unlink(change: Change, root: number): void {
    const { store } = this.#tree;
    let inode = store.inode(root);
    while (inode && inode.ino !== ROOT_INODE) {
      const parent = store.inode(inode.parent);
      if (!parent) return;
      const raw = rawNameOf(inode);
      this.#tree.forget(change, parent, { raw, ino: inode.ino, checkedMs: 0 });
      if (store.entries(parent.ino, '', undefined, 1).length > 0) return;
      inode = parent;
    }
  }

  #bumpGeneration(): void {
    const { store } = this.#tree;
    store.putCounter('generation', store.counter('generation') + 1);
  }

  #checkRoom(): void {
    if (this.#byId.size + this.#adding.size < MAX_DATASETS) return;
    throw new TidecacheError('INVALID', `there are ${MAX_DATASETS} datasets already (remove one first)`);
  }

  #checkPlace(path: string): void {
    checkPlace(path, [...this.#all().map((dataset) => dataset.path), ...this.#adding]);
  }

  #all(): Dataset[] {
    return [...this.#byId.values()].map(({ dataset }) => dataset);
  }
}
