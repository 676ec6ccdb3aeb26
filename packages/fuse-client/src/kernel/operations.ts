/**
 * What each request of the kernel means to a FileSystem. One function an opcode; the table at the end says it all.
 * The notes tell what the kernel does with the answer.
 */
import { constants } from 'node:fs';
import { isListable, type Owner } from '../attributes.js';
import type { DirectoryEntry, FileSystem, KeptListing, MaybePromise } from '../file-system.js';
import { MAX_READ_REQUEST_BYTES } from '../limits.js';
import type { RequestHeader } from './conversion.js';
import * as convert from './conversion.js';
import type { Session } from './session.js';
import { FOPEN_CACHE_DIR, FOPEN_KEEP_CACHE, OP, OUT_HEADER_BYTES } from './wire.js';

export interface Service {
  readonly fileSystem: FileSystem;
  readonly session: Session;
  readonly owner: Owner;
  /** Files are read by their inode: see FileSystem.readInode. Decided by INIT, for as long as the mount lasts. */
  readonly openless: boolean;
}

type Operation = (service: Service, header: RequestHeader, request: Buffer) => void;

const BODY = OUT_HEADER_BYTES;

/** Makes an operation of a fixed answer. */
const always =
  (errnoName: string): Operation =>
  ({ session }, header) => {
    session.replyError(header, errnoName);
  };

const noAnswer: Operation = () => {};

/** The kernel believes the name for `entryValidMs`. ESTALE or ENOENT drop what it had. */
const lookup: Operation = ({ fileSystem, session, owner }, header, request) => {
  const argument = convert.decodeName(request);
  if (!argument) return void session.replyError(header, 'EINVAL');
  if ('tooLong' in argument) return void session.replyError(header, 'ENAMETOOLONG');
  const { name } = argument;
  if (!convert.isExactName(request, name)) return void session.replyError(header, 'ENOENT');
  session.settle(header, fileSystem.lookup(header.ino, name), (answer) =>
    session.replyOut(header, convert.encodeEntry(answer, owner, session.out, BODY)),
  );
};

const getattr: Operation = ({ fileSystem, session, owner }, header) => {
  session.settle(header, fileSystem.getattr(header.ino), ({ inode, attrValidMs }) =>
    session.replyOut(header, convert.encodeAttrOut(inode, attrValidMs, owner, session.out, BODY)),
  );
};

/**
 * ESTALE makes the kernel look the name up again, past its cache, and open what it finds then: a file that was
 * replaced is opened anew without the application noticing. KEEP_CACHE leaves the pages that are cached.
 * ENOSYS, once, opens this file and every other from then on without asking.
 */
const open: Operation = ({ fileSystem, session, openless }, header, request) => {
  if (openless) return void session.replyError(header, 'ENOSYS');
  const flags = convert.decodeOpenFlags(request);
  if (flags === undefined) return void session.replyError(header, 'EINVAL');
  const writes = (flags & (constants.O_WRONLY | constants.O_RDWR | constants.O_TRUNC)) !== 0;
  if (writes) return void session.replyError(header, 'EROFS');
  session.settle(
    header,
    fileSystem.open(header.ino),
    ({ handle, keepCache }) =>
      session.replyOut(
        header,
        convert.encodeOpen(handle, keepCache ? FOPEN_KEEP_CACHE : 0, session.out, BODY),
      ),
    ({ handle }, delivered) => {
      if (!delivered) fileSystem.release(handle);
    },
  );
};

/** Fewer bytes than asked for mean the end of the file: the kernel fills the rest of the page with zeros. */
const read: Operation = ({ fileSystem, session, openless }, header, request) => {
  const argument = convert.decodeRead(request);
  if (!argument || argument.size > MAX_READ_REQUEST_BYTES) return void session.replyError(header, 'EINVAL');
  session.settle(
    header,
    openless && fileSystem.readInode
      ? fileSystem.readInode(header.ino, argument.offset, argument.size)
      : fileSystem.read(argument.handle, argument.offset, argument.size),
    // An answer longer than the question would make the kernel call the whole connection broken.
    (answer) =>
      answer.bytes > argument.size
        ? session.replyError(header, 'EIO')
        : session.replyParts(header, answer.parts, answer.bytes),
    (answer) => answer.release(),
  );
};

const release: Operation = ({ fileSystem, session }, header, request) => {
  const handle = convert.decodeHandle(request);
  if (handle === undefined) return void session.replyError(header, 'EINVAL');
  fileSystem.release(handle);
  session.replyError(header, '');
};

/** An answer without KEEP_CACHE drops the names that are kept, also from under the handles that read them. */
const OPENDIR_FLAGS: Record<KeptListing, number> = {
  keep: FOPEN_CACHE_DIR | FOPEN_KEEP_CACHE,
  anew: FOPEN_CACHE_DIR,
  apart: FOPEN_KEEP_CACHE,
};

const opendir: Operation = ({ fileSystem, session }, header) => {
  session.settle(
    header,
    fileSystem.opendir(header.ino),
    ({ handle, listing = 'apart' }) =>
      session.replyOut(header, convert.encodeOpen(handle, OPENDIR_FLAGS[listing], session.out, BODY)),
    ({ handle }, delivered) => {
      if (!delivered) fileSystem.releasedir(handle);
    },
  );
};

const releasedir: Operation = ({ fileSystem, session }, header, request) => {
  const handle = convert.decodeHandle(request);
  if (handle === undefined) return void session.replyError(header, 'EINVAL');
  fileSystem.releasedir(handle);
  session.replyError(header, '');
};

/** Positions 0 and 1 are `.` and `..`; the file system's own positions come after. */
const DOTS = ['.', '..'] as const;

const listing =
  (plus: boolean): Operation =>
  (service, header, request) => {
    const { fileSystem, session } = service;
    const argument = convert.decodeRead(request);
    if (!argument || argument.size > MAX_READ_REQUEST_BYTES) {
      return void session.replyError(header, 'EINVAL');
    }
    const { handle, offset, size } = argument;
    const max = Math.max(1, convert.maxDirents(size, plus));
    const out = Buffer.allocUnsafe(size);
    const dotBytes = fillDots(header, offset, plus, out);

    const from = (position: number): MaybePromise<number> => {
      const fill = (entries: readonly DirectoryEntry[]): MaybePromise<number> => {
        const bytes = fillEntries(service, entries, position, plus, out, dotBytes);
        // Only names that can't be listed: going on here, since 0 bytes would be the end.
        return bytes === 0 && entries.length > 0 ? from(position + entries.length) : bytes;
      };
      const entries = fileSystem.readdir(handle, position, max);
      return 'then' in entries ? entries.then(fill) : fill(entries);
    };
    session.settle(header, from(Math.max(0, offset - DOTS.length)), (bytes) =>
      session.replyParts(header, [out.subarray(0, bytes)], bytes),
    );
  };

function fillDots(header: RequestHeader, offset: number, plus: boolean, out: Buffer): number {
  let at = 0;
  for (let dot = offset; dot < DOTS.length; dot++) {
    at += convert.encodeDot(DOTS[dot]!, header.ino, dot + 1, plus, out, at, out.length);
  }
  return at;
}

/** Writes what fits from `at` on; the rest is asked for again. Returns where it ended. */
function fillEntries(
  { owner }: Service,
  entries: readonly DirectoryEntry[],
  position: number,
  plus: boolean,
  out: Buffer,
  start: number,
): number {
  let at = start;
  let next = position + DOTS.length;
  for (const entry of entries) {
    next++;
    if (!isListable(entry.name)) continue;
    const bytes = convert.encodeDirent(entry, next, plus, owner, out, at, out.length);
    if (bytes === 0) break;
    at += bytes;
  }
  return at;
}

const statfs: Operation = ({ fileSystem, session }, header) => {
  session.settle(header, fileSystem.statfs(), (answer) =>
    session.replyOut(header, convert.encodeStatfs(answer, session.out, BODY)),
  );
};

/** ENOSYS, once, makes the kernel answer EOPNOTSUPP by itself from then on; the same for LISTXATTR. */
const getxattr: Operation = ({ fileSystem, session }, header, request) => {
  if (!fileSystem.getxattr) return void session.replyError(header, 'ENOSYS');
  const size = convert.decodeXattrSize(request);
  const argument = convert.decodeName(request, 8);
  if (size === undefined || !argument || 'tooLong' in argument) {
    return void session.replyError(header, 'EINVAL');
  }
  session.settle(header, fileSystem.getxattr(header.ino, argument.name), (value) =>
    value === undefined ? session.replyError(header, 'ENODATA') : replyXattr(session, header, size, value),
  );
};

const listxattr: Operation = ({ fileSystem, session }, header, request) => {
  if (!fileSystem.listxattr) return void session.replyError(header, 'ENOSYS');
  const size = convert.decodeXattrSize(request);
  if (size === undefined) return void session.replyError(header, 'EINVAL');
  session.settle(header, fileSystem.listxattr(header.ino), (names) =>
    replyXattr(session, header, size, Buffer.from(names.map((name) => `${name}\0`).join(''))),
  );
};

/** `size` 0 asks how much room is needed. */
function replyXattr(session: Session, header: RequestHeader, size: number, value: Uint8Array): boolean {
  if (size === 0) return session.replyOut(header, convert.encodeXattrSize(value.length, session.out, BODY));
  if (value.length > size) return session.replyError(header, 'ERANGE');
  return session.replyParts(header, [value], value.length);
}

const interrupt: Operation = ({ session }, _header, request) => {
  const unique = convert.decodeInterrupt(request);
  if (unique !== undefined) session.interrupt(unique);
};

const readOnly = always('EROFS');
/** The kernel remembers ENOSYS for the whole mount and does not ask again. */
const unknown = always('ENOSYS');

const OPERATIONS: readonly (Operation | undefined)[] = table([
  [OP.LOOKUP, lookup],
  [OP.GETATTR, getattr],
  [OP.OPEN, open],
  [OP.READ, read],
  [OP.RELEASE, release],
  [OP.OPENDIR, opendir],
  [OP.READDIR, listing(false)],
  [OP.READDIRPLUS, listing(true)],
  [OP.RELEASEDIR, releasedir],
  [OP.STATFS, statfs],
  [OP.GETXATTR, getxattr],
  [OP.LISTXATTR, listxattr],
  // Inode numbers are the master's own: nothing is held for a lookup, so there is nothing to forget.
  [OP.FORGET, noAnswer],
  [OP.BATCH_FORGET, noAnswer],
  [OP.NOTIFY_REPLY, noAnswer],
  [OP.INTERRUPT, interrupt],
  [OP.DESTROY, always('')],
  [OP.FSYNC, always('')],
  [OP.FSYNCDIR, always('')],
  // No symbolic links in the tree.
  [OP.READLINK, always('EINVAL')],
  [OP.IOCTL, always('ENOTTY')],
  // FLUSH, ACCESS (default_permissions checks), LSEEK, POLL, STATX and what is newer: unknown.
  ...[
    OP.SETATTR,
    OP.SYMLINK,
    OP.MKNOD,
    OP.MKDIR,
    OP.UNLINK,
    OP.RMDIR,
    OP.RENAME,
    OP.RENAME2,
    OP.LINK,
    OP.WRITE,
    OP.SETXATTR,
    OP.REMOVEXATTR,
    OP.CREATE,
    OP.FALLOCATE,
    OP.COPY_FILE_RANGE,
    OP.TMPFILE,
  ].map((opcode): [number, Operation] => [opcode, readOnly]),
]);

function table(rows: readonly [number, Operation][]): (Operation | undefined)[] {
  const made: (Operation | undefined)[] = [];
  for (const [opcode, operation] of rows) made[opcode] = operation;
  return made;
}

/**
 * Serves one request. Never throws: what is malformed is answered with an error, and where not even the header can
 * be trusted, with nothing (the kernel does not send such a thing; there is nobody to answer).
 */
export function serveRequest(service: Service, request: Buffer): void {
  const header = convert.decodeHeader(request);
  if (!header) return;
  try {
    (OPERATIONS[header.opcode] ?? unknown)(service, header, request);
  } catch (thrown) {
    service.session.replyThrown(header, thrown);
  }
}
