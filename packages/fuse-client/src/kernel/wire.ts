/**
 * The kernel's FUSE protocol as numbers: opcodes, sizes, offsets, flags. Facts of `include/uapi/linux/fuse.h`; no
 * behaviour. Integers are in the machine's order, which is little-endian on all that Node supports on Linux.
 */
export const FUSE_MAJOR = 7;
/** The newest minor version whose structures are described here. */
export const FUSE_MINOR = 38;
/** The oldest that is served: Linux 5.4. */
export const FUSE_MIN_MINOR = 31;

export const OP = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  READLINK: 5,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  SETXATTR: 21,
  GETXATTR: 22,
  LISTXATTR: 23,
  REMOVEXATTR: 24,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  GETLK: 31,
  SETLK: 32,
  SETLKW: 33,
  ACCESS: 34,
  CREATE: 35,
  INTERRUPT: 36,
  BMAP: 37,
  DESTROY: 38,
  IOCTL: 39,
  POLL: 40,
  NOTIFY_REPLY: 41,
  BATCH_FORGET: 42,
  FALLOCATE: 43,
  READDIRPLUS: 44,
  RENAME2: 45,
  LSEEK: 46,
  COPY_FILE_RANGE: 47,
  SYNCFS: 50,
  TMPFILE: 51,
  STATX: 52,
} as const;

export const NOTIFY = { INVAL_INODE: 2, INVAL_ENTRY: 3 } as const;

/** INIT flags (the low 32 bits). */
export const INIT = {
  /** Reads of one file may overtake each other. */
  ASYNC_READ: 1 << 0,
  DO_READDIRPLUS: 1 << 13,
  /** READDIRPLUS where the attributes will probably be wanted, READDIR elsewhere. */
  READDIRPLUS_AUTO: 1 << 14,
  /** ENOSYS to OPEN is an answer: files need none, and are read by their inode. */
  NO_OPEN_SUPPORT: 1 << 17,
  /** Lookups and listings of one directory at once. */
  PARALLEL_DIROPS: 1 << 18,
  /** `max_pages` of the answer counts. */
  MAX_PAGES: 1 << 22,
  /** Cached pages go only when told: no guessing from mtime. */
  EXPLICIT_INVAL_DATA: 1 << 25,
} as const;

export const FOPEN_KEEP_CACHE = 1 << 1;
/** What is read of a directory is kept in its pages, and read from there. */
export const FOPEN_CACHE_DIR = 1 << 3;

/** Every request: len u32, opcode u32, unique u64, nodeid u64, uid u32, gid u32, pid u32, extensions u16, u16. */
export const IN_HEADER_BYTES = 40;
/** Every answer: len u32, error i32, unique u64. A notification has its code for the error, and unique 0. */
export const OUT_HEADER_BYTES = 16;

/** major u32, minor u32, max_readahead u32, flags u32; since 7.36 flags2 u32 and 11 reserved u32. */
export const INIT_IN_BYTES = 16;
/** major, minor, max_readahead, flags u32; max_background, congestion_threshold u16; max_write, time_gran u32; max_pages, map_alignment u16; flags2, 7 reserved u32. */
export const INIT_OUT_BYTES = 64;
/** ino, size, blocks, atime, mtime, ctime u64; atimensec, mtimensec, ctimensec, mode, nlink, uid, gid, rdev, blksize, flags u32. */
export const ATTR_BYTES = 88;
/** nodeid, generation, entry_valid, attr_valid u64; entry_valid_nsec, attr_valid_nsec u32; attr. */
export const ENTRY_OUT_BYTES = 40 + ATTR_BYTES;
/** attr_valid u64; attr_valid_nsec, dummy u32; attr. */
export const ATTR_OUT_BYTES = 16 + ATTR_BYTES;
/** flags, open_flags u32. */
export const OPEN_IN_BYTES = 8;
/** fh u64; open_flags, padding u32. */
export const OPEN_OUT_BYTES = 16;
/** fh, offset u64; size, read_flags u32; lock_owner u64; flags, padding u32. READDIR's too. */
export const READ_IN_BYTES = 40;
/** fh u64; flags, release_flags u32; lock_owner u64. RELEASEDIR's too. */
export const RELEASE_IN_BYTES = 24;
/** size, padding u32; GETXATTR's is followed by a name. */
export const GETXATTR_IN_BYTES = 8;
/** size, padding u32. */
export const GETXATTR_OUT_BYTES = 8;
/** unique u64. */
export const INTERRUPT_IN_BYTES = 8;
/** blocks, bfree, bavail, files, ffree u64; bsize, namelen, frsize, padding, 6 spare u32. */
export const STATFS_OUT_BYTES = 80;
/** ino, off u64; namelen, type u32; name, padded to 8. */
export const DIRENT_BYTES = 24;
export const DIRENTPLUS_BYTES = ENTRY_OUT_BYTES + DIRENT_BYTES;
/** ino u64; off, len i64. */
export const INVAL_INODE_BYTES = 24;
/** parent u64; namelen, flags u32; name and a NUL. */
export const INVAL_ENTRY_BYTES = 16;

/** Directory entries' types. */
export const DT_DIR = 4;
export const DT_REG = 8;
/** An inode number nobody has: `..` of a directory whose parent is not at hand (libfuse says the same). */
export const UNKNOWN_INO = 0xffffffff;
