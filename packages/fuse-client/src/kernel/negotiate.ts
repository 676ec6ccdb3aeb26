/** INIT: the first request of a mount, in which kernel and server agree on what they will use. */
import { TidecacheError } from '@tidecache/protocol';
import {
  CONGESTION_THRESHOLD,
  DEFAULT_READ_AHEAD_KIB,
  MAX_BACKGROUND_REQUESTS,
  MAX_READ_REQUEST_PAGES,
} from '../limits.js';
import type { InitAnswer, InitArguments } from './conversion.js';
import { FUSE_MAJOR, FUSE_MIN_MINOR, FUSE_MINOR, INIT } from './wire.js';

/**
 * EXPLICIT_INVAL_DATA: an inode is one version of a file, so its pages are right for as long as it lives; without the
 * flag the kernel would drop them whenever mtime or size looked different.
 *
 * Not READDIRPLUS_AUTO: who lists first and asks for attributes later (find, os.scandir) gets bare names by it, and then
 * costs a LOOKUP for each, of which a large directory has more than the client remembers.
 */
const WANTED =
  INIT.ASYNC_READ |
  INIT.DO_READDIRPLUS |
  INIT.NO_OPEN_SUPPORT |
  INIT.PARALLEL_DIROPS |
  INIT.MAX_PAGES |
  INIT.EXPLICIT_INVAL_DATA;

/** What to answer to INIT. Throws UNSUPPORTED for a kernel that is too old. */
export function negotiate(kernel: InitArguments): InitAnswer {
  if (kernel.major !== FUSE_MAJOR || kernel.minor < FUSE_MIN_MINOR) {
    throw new TidecacheError(
      'UNSUPPORTED',
      `the kernel speaks FUSE ${kernel.major}.${kernel.minor}, ` +
        `the kernel transport needs ${FUSE_MAJOR}.${FUSE_MIN_MINOR} (Linux 5.4) or later: use fuse-native`,
    );
  }
  return {
    minor: Math.min(kernel.minor, FUSE_MINOR),
    // The kernel takes the smaller of this and its device's own read-ahead, which mount.ts raises.
    maxReadahead: DEFAULT_READ_AHEAD_KIB * 1024,
    flags: kernel.flags & WANTED,
    maxBackground: MAX_BACKGROUND_REQUESTS,
    congestionThreshold: CONGESTION_THRESHOLD,
    // Nothing is written; the kernel's least.
    maxWrite: 4096,
    maxPages: MAX_READ_REQUEST_PAGES,
  };
}
