/** This package's own limits, with units. Relations are asserted below, when the module is loaded. */
import { KiB, MAX_NAME_BYTES, MiB, READ_DEADLINE_MS } from '@tidecache/protocol';

/** Bytes of one READ from the kernel: its own maximum, 256 pages of 4 KiB. */
export const MAX_READ_REQUEST_BYTES = 1 * MiB;
export const MAX_READ_REQUEST_PAGES = 256;
/**
 * Receives one request. The kernel asks for 8 KiB or more; a request of a read-only mount is far below (a name, or a
 * list of forgets, which the kernel cuts to fit).
 */
export const REQUEST_BUFFER_BYTES = 64 * KiB;
/** Reads and read-aheads that the kernel may have outstanding on a mount, and from where on it calls itself busy. */
export const MAX_BACKGROUND_REQUESTS = 64;
export const CONGESTION_THRESHOLD = 48;
/** How far the kernel reads ahead, where /sys lets it be said. */
export const DEFAULT_READ_AHEAD_KIB = 4096;

/** An operation without an answer by then is answered for, with ETIMEDOUT: no process hangs on a lost promise. */
export const OPERATION_DEADLINE_MS = READ_DEADLINE_MS + 5_000;
/** How often overdue and interrupted operations are looked for. */
export const SWEEP_INTERVAL_MS = 1_000;
/** Waiting for the kernel's INIT after the mount; and for `mount` and `umount` themselves. */
export const INIT_DEADLINE_MS = 10_000;
export const COMMAND_DEADLINE_MS = 20_000;
/** How often a mount that can't say so itself is checked to be still there. */
export const MOUNT_CHECK_INTERVAL_MS = 1_000;

/** A reader that was answered with more is busy with it for a while: then nobody waits awake for its next request. */
export const MAX_BUSY_POLL_ANSWER_BYTES = 64 * KiB;
/** Requests that must have come in time, in excess of {@link BUSY_POLL_MISS} for each that did not: four in five. */
export const BUSY_POLL_CREDIT = 4;
export const BUSY_POLL_MISS = 4;
export const MAX_BUSY_POLL_CREDIT = 16;

/** Notifications waiting to be written. Equal ones are one. */
export const MAX_PENDING_NOTIFICATIONS = 65_536;
/** Buffers of one writev (the kernel's IOV_MAX). */
export const MAX_WRITE_PARTS = 1024;

/** Open files, and open directories, of one file system. */
export const MAX_OPEN_HANDLES = 65_536;
/** Files that are read by their inode and kept open: the longest unread is closed for another. */
export const MAX_INODE_FILES = 4096;
/** One that was not read for this long is closed by the next read of any, so that it holds no share of read-ahead. */
export const INODE_FILE_IDLE_MS = 5_000;
/**
 * Without opens, what the client has learned to doubt (the master was away, and changes were missed) is asked for again
 * by the next look-up only: the longest that the kernel does without one.
 */
export const OPENLESS_ENTRY_VALID_MS = 30_000;
/** Entries asked for at once from the master. */
export const DIRECTORY_PAGE_ENTRIES = 2048;
/** Pages of one open directory kept in memory: the one being read and the one before. */
export const DIRECTORY_PAGES_KEPT = 2;
/** Positions of pages remembered for one open directory (a seek goes back to one). */
export const MAX_DIRECTORY_PAGES = 65_536;

/** Directories whose listings the kernel may keep; of more, the one opened longest ago is listed anew. */
export const MAX_KEPT_LISTINGS = 65_536;
/**
 * For how much of the time that its names are believed: who lists a directory then asks for the attributes of them all,
 * and has the other half of that time to do so before each name costs a look-up.
 */
export const KEPT_LISTING_SHARE = 1 / 2;

/** Names that the path-based transport remembers. */
export const MAX_CACHED_NAMES = 65_536;
/** Entries of one directory that the path-based transport lists: it must hand all names over at once. */
export const MAX_NATIVE_LISTING = 1_000_000;
/** Entries that it asks the file system for at once. */
export const MAX_READDIR_BATCH = 2048;

/** A file's record never changes. */
export const FILE_ATTR_VALID_MS = 86_400_000;
/** Attributes of a directory, where the answer does not say. */
export const DIRECTORY_ATTR_VALID_MS = 1_000;
/** `st_blksize`, which is what buffered readers read at a time. Python seeks and reads this much per random access. */
export const STAT_BLOCK_BYTES = 128 * KiB;

const relations: [boolean, string][] = [
  [MAX_READ_REQUEST_PAGES * 4 * KiB === MAX_READ_REQUEST_BYTES, 'a read is whole pages of the kernel'],
  [REQUEST_BUFFER_BYTES >= 8 * KiB, 'the kernel refuses smaller buffers'],
  [REQUEST_BUFFER_BYTES > 40 + 8 + 2 * (MAX_NAME_BYTES + 1), 'any request with names fits'],
  [CONGESTION_THRESHOLD < MAX_BACKGROUND_REQUESTS, 'the kernel slows down before it stops'],
  [OPERATION_DEADLINE_MS > READ_DEADLINE_MS, "a read's own deadline speaks first"],
  [KEPT_LISTING_SHARE < 1, 'a listing is not kept longer than its names'],
  [MAX_BUSY_POLL_CREDIT >= BUSY_POLL_CREDIT + BUSY_POLL_MISS, 'one miss does not end it'],
  [DIRECTORY_PAGES_KEPT >= 1, 'the page being read is kept'],
];
for (const [holds, relation] of relations) {
  if (!holds) throw new Error(`limits: it does not hold that ${relation}`);
}
