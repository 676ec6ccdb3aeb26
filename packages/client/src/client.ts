/** The parts of a client, put together. */
import {
  type Dataset,
  type Entry,
  type InodeId,
  type InodeRecord,
  type Invalidation,
  inodeId,
  MASTER_DEADLINE_MS,
  type Placement,
  type Ring,
  ROOT_INODE,
  TidecacheError,
} from '@tidecache/protocol';
import { openOrigin as openRealOrigin } from '@tidecache/storage';
import {
  createPeerThreads,
  createPeer as createRealPeer,
  hostId as ownHostId,
  type Peer,
  type PeerInit,
  type PeerThreads,
  realClock,
  type Thread,
  type ThreadData,
} from '@tidecache/transport';
import type { Client, ClientStats, DirectoryPage, FileHandle, MaybePromise, Slices } from './api.js';
import { type Clock, Pauses } from './clock.js';
import { Counters } from './counters.js';
import { changedNames } from './dataset-changes.js';
import {
  DEFAULT_BUFFER_BYTES,
  MAX_BUFFER_BYTES,
  MAX_PATH_DEPTH,
  MIN_BUFFER_BYTES,
  SIBLING_PAGE_ENTRIES,
} from './limits.js';
import { type Logger, silentLogger } from './logger.js';
import { Layouts } from './master/layouts.js';
import { MasterLink } from './master/master-link.js';
import { RingKeeper } from './master/ring-keeper.js';
import { sharedSlab } from './memory/arena.js';
import { SegmentCache } from './memory/segment-cache.js';
import { type OpenOrigin, Origins } from './origins/origins.js';
import { FileTable } from './read/file-table.js';
import { Pace } from './read/pace.js';
import { Reader } from './read/reader.js';
import { Siblings } from './read/siblings.js';
import { WorkerSet } from './workers/worker-set.js';

export interface ClientInit {
  readonly master: { readonly host: string; readonly port: number };
  /** The cluster's shared secret. */
  readonly secret: string;
  /** What the other parts call this client in their messages. */
  readonly name: string;
  /** Read-ahead memory, in bytes. */
  readonly bufferBytes?: number;
  readonly logger?: Logger;
  /**
   * Map the memory of workers on this host instead of receiving copies. Slices are then to be looked at in the turn
   * of the event loop in which they came: the memory may be another's when a connection has ended.
   */
  readonly mapMemory?: boolean;
  /**
   * Threads that receive from workers and verify, beside the one that calls; 0, the default, for none. Slices are then
   * views of SharedArrayBuffers. Workers whose memory may be mapped stay here: nothing is received from them.
   */
  readonly ioThreads?: number;
  /** How long to wait for the master at the start. */
  readonly connectWaitMs?: number;
  /** What follows is for tests: time, chance, network and storage. */
  readonly now?: () => number;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly hostId?: string;
  readonly openOrigin?: OpenOrigin;
  readonly createPeer?: (init: PeerInit) => Peer;
  readonly createPlacement?: (ring: Ring) => Placement;
  readonly startIoThread?: (data: ThreadData) => Thread;
}

/**
 * A client that is attached to its master. Rejects with ACCESS_DENIED (wrong secret), PROTOCOL (another release),
 * UNREACHABLE (no master there) or INVALID (a setting); nothing is left open then.
 */
export async function connectClient(init: ClientInit): Promise<Client> {
  const client = new ConnectedClient(init);
  try {
    await client.start(init.connectWaitMs ?? MASTER_DEADLINE_MS);
  } catch (error) {
    await client.close();
    throw error;
  }
  return client;
}

class ConnectedClient implements Client {
  readonly #logger: Logger;
  readonly #counters = new Counters();
  readonly #master: MasterLink;
  readonly #rings: RingKeeper;
  readonly #layouts: Layouts;
  readonly #workers: WorkerSet;
  readonly #ioThreads: PeerThreads | undefined;
  readonly #origins: Origins;
  readonly #cache: SegmentCache;
  readonly #files: FileTable;
  readonly #siblings: Siblings;
  readonly #pauses: Pauses;
  readonly #listeners = new Set<(change: Invalidation) => void>();
  #clusterId: string | undefined;
  #closed = false;

  constructor(init: ClientInit) {
    const clock = init.clock ?? { ...realClock, ...(init.now && { now: init.now }) };
    const random = init.random ?? Math.random;
    const bufferBytes = checkBuffer(init.bufferBytes ?? DEFAULT_BUFFER_BYTES);
    const createPeer = init.createPeer ?? createRealPeer;
    const peerInit = { secret: init.secret, name: init.name, clock, random };
    this.#logger = init.logger ?? silentLogger;
    const { ioThreads = 0, startIoThread } = init;
    if (ioThreads !== 0) {
      this.#ioThreads = createPeerThreads({
        ...{ threads: ioThreads, clock, random },
        ...(startIoThread && { start: startIoThread }),
        onThreadEnded: ({ message }) => this.#logger.error({}, `an I/O thread ended by itself: ${message}`),
      });
    }
    const receive = this.#ioThreads?.createPeer ?? createPeer;
    this.#pauses = new Pauses(clock);
    this.#workers = new WorkerSet({
      hostId: init.hostId ?? ownHostId(),
      connect: (address) => receive({ ...peerInit, address }),
      connectMapped: (address, events) => createPeer({ ...peerInit, address, events }),
      mapMemory: init.mapMemory ?? false,
      clock,
      random,
      logger: this.#logger,
      createPlacement: init.createPlacement,
    });
    this.#rings = new RingKeeper(clock, (ring) => this.#workers.setRing(ring));
    this.#origins = new Origins(init.openOrigin ?? openRealOrigin, clock, this.#counters);
    this.#cache = new SegmentCache(bufferBytes, clock, this.#ioThreads && sharedSlab);
    this.#master = new MasterLink({
      address: init.master,
      name: init.name,
      clock,
      logger: this.#logger,
      connect: (address, events) => createPeer({ ...peerInit, address, events }),
      events: {
        onAttached: ({ clusterId, ring, datasets }, again) =>
          this.#attached(clusterId, ring, datasets.datasets, again),
        onRing: (ring) => this.#rings.pushed(ring),
        onDatasets: ({ datasets }) => this.#setDatasets(datasets),
        onInvalidate: (change) => this.#invalidate(change),
      },
    });
    this.#layouts = new Layouts({
      master: this.#master,
      clock,
      policyOf: (id) => this.#origins.dataset(id)?.metadata,
    });
    this.#siblings = new Siblings({
      list: (directory, after) => this.#layouts.readdir(directory, after, SIBLING_PAGE_ENTRIES),
      fetch: (record) => this.#files.fetchAhead(record),
      lenderOf: (fileId) => this.#workers.lender(fileId),
      onLent: (worker, bytes) => {
        this.#counters.fromWorker(worker, bytes, false);
        this.#counters.mappedBytes += bytes;
      },
      clock,
      bufferBytes,
    });
    const reader = new Reader({
      cache: this.#cache,
      bufferBytes,
      onSmallRead: ({ inode }) => {
        const directory = this.#layouts.siblingsIn(inode);
        if (directory !== undefined) this.#siblings.read(directory, inode);
      },
      onStale: (file, error) => this.#stale(file.ino, () => this.#files.goneStale(file, error), error),
      context: {
        workers: this.#workers,
        origins: this.#origins,
        clock,
        random,
        counters: this.#counters,
        pace: new Pace(),
        pause: (ms) => this.#pauses.pause(ms),
        closed: () => this.#closed,
      },
    });
    this.#files = new FileTable(reader, bufferBytes);
  }

  start(waitMs: number): Promise<void> {
    return this.#master.start(waitMs);
  }

  lookup(parent: InodeId, name: string): MaybePromise<Entry> {
    return this.#layouts.lookup(parent, name);
  }

  getattr(ino: InodeId): MaybePromise<InodeRecord> {
    return this.#layouts.getattr(ino);
  }

  readdir(ino: InodeId, after: string, limit: number): Promise<DirectoryPage> {
    return this.#layouts.readdir(ino, after, limit);
  }

  open(ino: InodeId): MaybePromise<FileHandle> {
    const record = this.#layouts.open(ino);
    return record instanceof Promise
      ? record.then((known) => this.#files.open(known))
      : this.#files.open(record);
  }

  openVersion(ino: InodeId): MaybePromise<FileHandle> {
    const record = this.#layouts.getattr(ino);
    return record instanceof Promise
      ? record.then((known) => this.#files.open(known))
      : this.#files.open(record);
  }

  lent(ino: InodeId, offset: number, length: number): Slices | undefined {
    const slices = this.#siblings.take(ino, offset, length);
    if (slices) this.#counters.readBytes += slices.bytes;
    return slices;
  }

  async resolve(path: string): Promise<InodeRecord> {
    const names = path.split('/').filter((name) => name !== '' && name !== '.');
    if (names.length > MAX_PATH_DEPTH)
      throw new TidecacheError('NAME_TOO_LONG', `${path}: over ${MAX_PATH_DEPTH} names deep`);
    if (names.includes('..')) throw new TidecacheError('INVALID', `${path}: write it without '..'`);
    let inode = await this.getattr(ROOT_INODE);
    for (const name of names) {
      if (inode.kind !== 'directory')
        throw new TidecacheError('NOT_A_DIRECTORY', `${path}: what holds ${name} is a file`);
      inode = (await this.lookup(inodeId(inode.ino), name)).inode;
    }
    return inode;
  }

  async readFile(path: string): Promise<Buffer> {
    const handle = await this.#openPath(path);
    try {
      const bytes = Buffer.allocUnsafe(handle.inode.size);
      const read = await handle.readInto(bytes, 0);
      return bytes.subarray(0, read);
    } finally {
      handle.close();
    }
  }

  dataset(id: number): Dataset | undefined {
    return this.#origins.dataset(id);
  }

  onInvalidate(listener: (change: Invalidation) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stats(): ClientStats {
    return this.#counters.snapshot(this.#cache.memory.usedBytes);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#rings.close();
    this.#pauses.endAll();
    this.#siblings.clear();
    this.#cache.memory.refuseAll(new TidecacheError('CANCELLED', 'the client is closing'));
    await Promise.all([this.#master.close(), this.#workers.close(), this.#origins.close()]);
    await this.#ioThreads?.close();
    this.#files.close();
  }

  /** As the kernel does: a name that led to a version that is gone is looked up once more. */
  async #openPath(path: string): Promise<FileHandle> {
    const { ino } = await this.resolve(path);
    try {
      return await this.open(inodeId(ino));
    } catch (error) {
      if (!(error instanceof TidecacheError) || error.code !== 'STALE') throw error;
      return this.open(inodeId((await this.resolve(path)).ino));
    }
  }

  #attached(clusterId: string, ring: Ring, datasets: readonly Dataset[], again: boolean): void {
    const sameCluster = this.#clusterId === undefined || this.#clusterId === clusterId;
    this.#clusterId = clusterId;
    if (!sameCluster) {
      this.#logger.warn(
        { clusterId },
        'the master serves another cluster now: forgetting all that was known',
      );
      this.#layouts.clear();
      this.#siblings.clear();
    } else if (again) this.#layouts.distrustAll();
    this.#rings.attached(ring, sameCluster);
    this.#setDatasets(datasets, again);
  }

  #setDatasets(datasets: readonly Dataset[], tell = true): void {
    const names = changedNames([...this.#origins.datasets], datasets);
    this.#origins.setDatasets(datasets);
    if (!tell || names.length === 0) return;
    this.#invalidate({ entries: names.map((name) => ({ parent: ROOT_INODE, name })), inodes: [] });
  }

  #invalidate(change: Invalidation): void {
    this.#layouts.forget(change);
    for (const { parent } of change.entries) this.#siblings.changed(inodeId(parent));
    for (const listener of [...this.#listeners]) listener(change);
  }

  #stale(ino: InodeId, forgetFile: () => boolean, error: TidecacheError): void {
    if (!forgetFile()) return;
    this.#counters.stale++;
    this.#layouts.forget({ entries: [], inodes: [ino] });
    this.#logger.info({ ino }, `a version is gone from its origin: ${error.message}`);
    // The master looks for itself, and tells everyone.
    this.#master.call('STALE', { ino }).catch(() => {});
  }
}

function checkBuffer(bytes: number): number {
  if (Number.isSafeInteger(bytes) && bytes >= MIN_BUFFER_BYTES && bytes <= MAX_BUFFER_BYTES) return bytes;
  throw new TidecacheError(
    'INVALID',
    `a read buffer of ${bytes} bytes: choose from ${MIN_BUFFER_BYTES} to ${MAX_BUFFER_BYTES}`,
  );
}
