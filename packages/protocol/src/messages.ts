/**
 * The structured messages, as schemas: a shape that is checked is a shape that is typed.
 */
import { z } from 'zod';
import {
  MAX_BLOCK_BYTES,
  MAX_DATASETS,
  MAX_KEY_BYTES,
  MAX_LANES,
  MAX_READDIR_ENTRIES,
  MAX_SLAB_BYTES,
  MAX_SLABS,
  MAX_WORKERS,
  MIN_BLOCK_BYTES,
  PAGE_BYTES,
} from './limits.js';

const id = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const bytes = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const text = (max: number) => z.string().max(max);
// A name is checked by the master's own rules (names.ts in storage), so that the answer can say which one it broke.
const name = text(4096);

/** When the master asks the origin again whether what it knows is still so. */
export const MetadataPolicy = z.union([
  /** Never: the data does not change. */
  z.literal('once'),
  /** At every lookup, open and listing. */
  z.literal('always'),
  /** When what is known is older. Milliseconds. */
  z.strictObject({
    ttlMs: z
      .number()
      .int()
      .positive()
      .max(365 * 86_400_000),
  }),
]);
export type MetadataPolicy = z.infer<typeof MetadataPolicy>;

/** A binding of a path in the tree to an origin. Carries no secret: credentials are named, not sent. */
export const Dataset = z.strictObject({
  id,
  /** Absolute path in the tree, normalised: `/prices/daily`. */
  path: text(4096),
  /** `s3://bucket/prefix`, `oss://bucket/prefix` or `nas:///dir`. */
  uri: text(4096),
  readOnly: z.boolean(),
  metadata: MetadataPolicy,
  blockBytes: z.number().int().min(MIN_BLOCK_BYTES).max(MAX_BLOCK_BYTES).multipleOf(PAGE_BYTES),
  options: z.strictObject({
    endpoint: text(1024).optional(),
    region: text(128).optional(),
    pathStyle: z.boolean().optional(),
    /** A file with the keys, on each host that reads the origin. Without it, the SDK's own chain. */
    credentialsFile: text(4096).optional(),
  }),
});
export type Dataset = z.infer<typeof Dataset>;

/**
 * What is known of an inode. A file's record never changes: when its object changes at the origin, the path gets a
 * new inode, as after a rename over it. So an inode pins a version, on every path and in the kernel's page cache.
 */
export const InodeRecord = z.strictObject({
  ino: id,
  kind: z.enum(['file', 'directory']),
  size: bytes,
  mtimeMs: z.number(),
  /** Permission bits, without the kind. */
  mode: z.number().int().min(0).max(0o7777),
  /** Owner at the origin where it has owners (NAS); else absent, and the mount's owner is shown. */
  uid: id.optional(),
  gid: id.optional(),
  /** Absent above the datasets. */
  datasetId: id.optional(),
  /** Relative to the dataset's root. */
  key: text(MAX_KEY_BYTES).optional(),
  /** A file's version at its origin. */
  version: text(1024).optional(),
  blockBytes: bytes.optional(),
});
export type InodeRecord = z.infer<typeof InodeRecord>;

/** A record under a name, and for how long the name may be believed without asking. */
export const Entry = z.strictObject({ name, inode: InodeRecord, validMs: z.number().nonnegative() });
export type Entry = z.infer<typeof Entry>;

const port = z.number().int().min(1).max(65535);
const unixPath = text(108);

/** One event loop of a worker: where it listens, beside the member's host. */
export const Lane = z.strictObject({ port, unixPath: unixPath.optional() });
export type Lane = z.infer<typeof Lane>;

export const RingMember = z.strictObject({
  id: text(128),
  host: text(256),
  port,
  /** A Unix-domain socket, usable where {@link RingMember.hostId} is one's own. */
  unixPath: unixPath.optional(),
  /**
   * All event loops of a worker that has several, the first as above: a block is asked of its own (`laneOf`). Absent
   * with one.
   */
  lanes: z.array(Lane).min(2).max(MAX_LANES).optional(),
  /** Tells hosts (network and mount namespaces) apart. */
  hostId: text(256),
  /** Share of the blocks, relative to the others': its memory in bytes. */
  weight: z.number().positive(),
});
export type RingMember = z.infer<typeof RingMember>;

export const Ring = z.strictObject({ epoch: id, members: z.array(RingMember).max(MAX_WORKERS) });
export type Ring = z.infer<typeof Ring>;

export const DatasetList = z.strictObject({ generation: id, datasets: z.array(Dataset).max(MAX_DATASETS) });
export type DatasetList = z.infer<typeof DatasetList>;

export const AttachRequest = z.strictObject({ name: text(256), release: text(64) });
export const AttachReply = z.strictObject({ clusterId: text(64), ring: Ring, datasets: DatasetList });

export const LookupRequest = z.strictObject({ parent: id, name });
export const LookupReply = Entry;

export const GetattrRequest = z.strictObject({ ino: id });
export const GetattrReply = z.strictObject({ inode: InodeRecord });

/** `after`: the cursor of the answer before, or '' at the start. */
export const ReaddirRequest = z.strictObject({
  ino: id,
  after: text(8192),
  limit: z.number().int().min(1).max(MAX_READDIR_ENTRIES),
});
export const ReaddirReply = z.strictObject({
  entries: z.array(Entry).max(MAX_READDIR_ENTRIES),
  /** Where to go on; absent at the end. */
  next: text(8192).optional(),
  /** How long the directory may be believed to have these names and no others. */
  validMs: z.number().nonnegative(),
});

/** Pins a version for a handle; STALE when the object is no longer the inode's (look the name up again). */
export const OpenRequest = z.strictObject({ ino: id });
export const OpenReply = z.strictObject({ inode: InodeRecord });

/** A reader found that the origin no longer has the inode's version. The master checks and tells everyone. */
export const StaleRequest = z.strictObject({ ino: id });

export const RegisterRequest = z.strictObject({
  member: RingMember,
  release: text(64),
  clockMs: z.number(),
  memoryBytes: bytes,
});
export const RegisterReply = z.strictObject({
  clusterId: text(64),
  leaseMs: id,
  heartbeatMs: id,
  datasets: DatasetList,
});

/** Cumulative since the worker's start, but for `usedBytes` and `blocks`. */
export const WorkerStats = z.strictObject({
  usedBytes: bytes,
  blocks: id,
  hits: id,
  misses: id,
  servedBytes: bytes,
  /** From origins. */
  filledBytes: bytes,
  /** From the owners of hot blocks. */
  copiedBytes: bytes,
  evictions: id,
  busy: id,
  corrupt: id,
});
export type WorkerStats = z.infer<typeof WorkerStats>;

export const HeartbeatRequest = z.strictObject({ workerId: text(128), stats: WorkerStats });
export const HeartbeatReply = z.strictObject({ epoch: id, generation: id });
export const LeaveRequest = z.strictObject({ workerId: text(128) });

/** Forget these: names whose meaning changed, and inodes that no path has any more. */
export const Invalidation = z.strictObject({
  entries: z.array(z.strictObject({ parent: id, name })).max(4096),
  inodes: z.array(id).max(4096),
});
export type Invalidation = z.infer<typeof Invalidation>;

/** Where clients on a worker's host can map its memory. See packages/shared-memory. */
export const SharedMemory = z.strictObject({
  /** Slab i is the file `path` with `.i` after it. */
  path: text(1024),
  slabs: z.number().int().positive().max(MAX_SLABS),
  slabBytes: z.number().int().positive().max(MAX_SLAB_BYTES),
  /** Stands in each slab: a file of the same name on another host does not have it. */
  nonce: text(64),
});
export type SharedMemory = z.infer<typeof SharedMemory>;

/** The body of a reply whose status is an error. */
export const ErrorBody = z.strictObject({ message: text(8192) });

export const Nothing = z.undefined();
