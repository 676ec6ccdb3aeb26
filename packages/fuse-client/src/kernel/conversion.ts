/**
 * The one file where wire structures and typed values meet. Pure: bytes in, values out, and back. A request that is
 * too short or means nothing is undefined, and the caller answers EINVAL (EIO for what only a broken kernel sends).
 */
import { type InodeId, type InodeRecord, inodeId, MAX_NAME_BYTES, ROOT_INODE } from '@tidecache/protocol';
import { type Owner, statBlocks, statLinks, statMode } from '../attributes.js';
import type { DirectoryEntry, LookupAnswer, StatfsAnswer } from '../file-system.js';
import { STAT_BLOCK_BYTES } from '../limits.js';
import * as wire from './wire.js';

const TWO_32 = 0x1_0000_0000;

export interface RequestHeader {
  readonly opcode: number;
  /** Names the request in its answer. Counts up by two from the mount on: exact below 2^53. */
  readonly unique: number;
  readonly ino: InodeId;
  /** The thread that asks, in this process's PID namespace; 0 when it is in none that is seen from here. */
  readonly pid: number;
}

export function readU64(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * TWO_32;
}

export function writeU64(value: number, out: Buffer, at: number): void {
  out.writeUInt32LE(value % TWO_32, at);
  out.writeUInt32LE(Math.floor(value / TWO_32), at + 4);
}

/** The header of one request as the device returned it; undefined when the bytes are not one whole request. */
export function decodeHeader(request: Buffer): RequestHeader | undefined {
  if (request.length < wire.IN_HEADER_BYTES || request.readUInt32LE(0) !== request.length) return undefined;
  return {
    opcode: request.readUInt32LE(4),
    unique: readU64(request, 8),
    ino: inodeId(readU64(request, 16)),
    pid: request.readUInt32LE(32),
  };
}

/** A request's argument from `at` bytes after the header on: a name up to its NUL. */
export type Name = { readonly name: string } | { readonly tooLong: true } | undefined;

export function decodeName(request: Buffer, at = 0): Name {
  const start = wire.IN_HEADER_BYTES + at;
  const end = start <= request.length ? request.indexOf(0, start) : -1;
  if (end <= start) return undefined;
  if (end - start > MAX_NAME_BYTES) return { tooLong: true };
  return { name: request.toString('utf8', start, end) };
}

/**
 * Whether the name came out of UTF-8 as it went in. Names in the tree are UTF-8, so one that isn't names nothing; and
 * its replacement characters must not find a file that has them in earnest.
 */
export function isExactName(request: Buffer, name: string, at = 0): boolean {
  if (!name.includes('\ufffd')) return true;
  const bytes = Buffer.from(name);
  const start = wire.IN_HEADER_BYTES + at;
  return request.subarray(start, start + bytes.length).equals(bytes);
}

export interface ReadArguments {
  readonly handle: number;
  readonly offset: number;
  readonly size: number;
}

/** Arguments of READ, READDIR and READDIRPLUS. */
export function decodeRead(request: Buffer): ReadArguments | undefined {
  if (request.length < wire.IN_HEADER_BYTES + wire.READ_IN_BYTES) return undefined;
  return {
    handle: readU64(request, wire.IN_HEADER_BYTES),
    offset: readU64(request, wire.IN_HEADER_BYTES + 8),
    size: request.readUInt32LE(wire.IN_HEADER_BYTES + 16),
  };
}

/** The open(2) flags of OPEN and OPENDIR. */
export function decodeOpenFlags(request: Buffer): number | undefined {
  if (request.length < wire.IN_HEADER_BYTES + wire.OPEN_IN_BYTES) return undefined;
  return request.readUInt32LE(wire.IN_HEADER_BYTES);
}

/** The handle of RELEASE and RELEASEDIR. */
export function decodeHandle(request: Buffer): number | undefined {
  if (request.length < wire.IN_HEADER_BYTES + wire.RELEASE_IN_BYTES) return undefined;
  return readU64(request, wire.IN_HEADER_BYTES);
}

/** Bytes that the asker of GETXATTR or LISTXATTR has room for; 0 asks for the length alone. */
export function decodeXattrSize(request: Buffer): number | undefined {
  if (request.length < wire.IN_HEADER_BYTES + wire.GETXATTR_IN_BYTES) return undefined;
  return request.readUInt32LE(wire.IN_HEADER_BYTES);
}

/** The request that INTERRUPT is about. */
export function decodeInterrupt(request: Buffer): number | undefined {
  if (request.length < wire.IN_HEADER_BYTES + wire.INTERRUPT_IN_BYTES) return undefined;
  return readU64(request, wire.IN_HEADER_BYTES);
}

export interface InitArguments {
  readonly major: number;
  readonly minor: number;
  readonly maxReadahead: number;
  readonly flags: number;
}

export function decodeInit(request: Buffer): InitArguments | undefined {
  const at = wire.IN_HEADER_BYTES;
  if (request.length < at + wire.INIT_IN_BYTES) return undefined;
  return {
    major: request.readUInt32LE(at),
    minor: request.readUInt32LE(at + 4),
    maxReadahead: request.readUInt32LE(at + 8),
    flags: request.readUInt32LE(at + 12),
  };
}

export interface InitAnswer {
  readonly minor: number;
  readonly maxReadahead: number;
  readonly flags: number;
  readonly maxBackground: number;
  readonly congestionThreshold: number;
  readonly maxWrite: number;
  readonly maxPages: number;
}

/** Writes an answer's header; `error` is a positive errno or 0. */
export function encodeOutHeader(bytes: number, error: number, unique: number, out: Buffer): void {
  out.writeUInt32LE(bytes, 0);
  out.writeInt32LE(-error, 4);
  writeU64(unique, out, 8);
}

export function encodeInit(answer: InitAnswer, out: Buffer, at: number): number {
  out.fill(0, at, at + wire.INIT_OUT_BYTES);
  out.writeUInt32LE(wire.FUSE_MAJOR, at);
  out.writeUInt32LE(answer.minor, at + 4);
  out.writeUInt32LE(answer.maxReadahead, at + 8);
  out.writeUInt32LE(answer.flags >>> 0, at + 12);
  out.writeUInt16LE(answer.maxBackground, at + 16);
  out.writeUInt16LE(answer.congestionThreshold, at + 18);
  out.writeUInt32LE(answer.maxWrite, at + 20);
  out.writeUInt32LE(1, at + 24); // time_gran: nanoseconds
  out.writeUInt16LE(answer.maxPages, at + 28);
  return wire.INIT_OUT_BYTES;
}

export function encodeAttr(inode: InodeRecord, owner: Owner, out: Buffer, at: number): number {
  const seconds = Math.floor(inode.mtimeMs / 1000);
  const nanoseconds = Math.floor((inode.mtimeMs - seconds * 1000) * 1e6);
  writeU64(inode.ino, out, at);
  writeU64(inode.size, out, at + 8);
  writeU64(statBlocks(inode), out, at + 16);
  for (let i = 0; i < 3; i++) {
    writeI64(seconds, out, at + 24 + i * 8);
    out.writeUInt32LE(nanoseconds, at + 48 + i * 4);
  }
  out.writeUInt32LE(statMode(inode), at + 60);
  out.writeUInt32LE(statLinks(inode), at + 64);
  out.writeUInt32LE(inode.uid ?? owner.uid, at + 68);
  out.writeUInt32LE(inode.gid ?? owner.gid, at + 72);
  out.writeUInt32LE(0, at + 76);
  out.writeUInt32LE(STAT_BLOCK_BYTES, at + 80);
  out.writeUInt32LE(0, at + 84);
  return wire.ATTR_BYTES;
}

/** Times before 1970 are negative. */
function writeI64(value: number, out: Buffer, at: number): void {
  out.writeUInt32LE(((value % TWO_32) + TWO_32) % TWO_32, at);
  out.writeInt32LE(Math.floor(value / TWO_32), at + 4);
}

export function encodeEntry(answer: LookupAnswer, owner: Owner, out: Buffer, at: number): number {
  writeU64(answer.inode.ino, out, at);
  writeU64(0, out, at + 8); // generation: an inode id is never used again
  encodeValidity(answer.entryValidMs, out, at + 16, at + 32);
  encodeValidity(answer.attrValidMs, out, at + 24, at + 36);
  encodeAttr(answer.inode, owner, out, at + 40);
  return wire.ENTRY_OUT_BYTES;
}

export function encodeAttrOut(
  inode: InodeRecord,
  attrValidMs: number,
  owner: Owner,
  out: Buffer,
  at: number,
): number {
  encodeValidity(attrValidMs, out, at, at + 8);
  out.writeUInt32LE(0, at + 12);
  encodeAttr(inode, owner, out, at + 16);
  return wire.ATTR_OUT_BYTES;
}

function encodeValidity(milliseconds: number, out: Buffer, secondsAt: number, nanosecondsAt: number): void {
  const bounded = Math.max(0, Math.min(milliseconds, Number.MAX_SAFE_INTEGER));
  const seconds = Math.floor(bounded / 1000);
  writeU64(seconds, out, secondsAt);
  out.writeUInt32LE(Math.floor((bounded - seconds * 1000) * 1e6), nanosecondsAt);
}

export function encodeOpen(handle: number, openFlags: number, out: Buffer, at: number): number {
  writeU64(handle, out, at);
  out.writeUInt32LE(openFlags, at + 8);
  out.writeUInt32LE(0, at + 12);
  return wire.OPEN_OUT_BYTES;
}

export function encodeStatfs(answer: StatfsAnswer, out: Buffer, at: number): number {
  out.fill(0, at, at + wire.STATFS_OUT_BYTES);
  writeU64(answer.blocks, out, at);
  // bfree, bavail, ffree stay 0: nothing can be written.
  writeU64(answer.files, out, at + 24);
  out.writeUInt32LE(answer.blockSize, at + 40);
  out.writeUInt32LE(answer.maxNameBytes, at + 44);
  out.writeUInt32LE(answer.blockSize, at + 48);
  return wire.STATFS_OUT_BYTES;
}

export function encodeXattrSize(size: number, out: Buffer, at: number): number {
  out.writeUInt32LE(size, at);
  out.writeUInt32LE(0, at + 4);
  return wire.GETXATTR_OUT_BYTES;
}

/**
 * Writes one entry of READDIR or READDIRPLUS at `at`, if it fits before `end`; the bytes written, or 0. `next` is the
 * position after it, which the kernel hands back to go on.
 */
export function encodeDirent(
  entry: DirectoryEntry,
  next: number,
  plus: boolean,
  owner: Owner,
  out: Buffer,
  at: number,
  end: number,
): number {
  const fixedBytes = plus ? wire.DIRENTPLUS_BYTES : wire.DIRENT_BYTES;
  const nameBytes = Buffer.byteLength(entry.name);
  const bytes = alignTo8(fixedBytes + nameBytes);
  if (at + bytes > end) return 0;
  if (plus) encodeEntry(entry, owner, out, at);
  const direntAt = at + fixedBytes - wire.DIRENT_BYTES;
  const type = entry.inode.kind === 'directory' ? wire.DT_DIR : wire.DT_REG;
  writeDirent(entry.inode.ino, next, type, entry.name, nameBytes, out, direntAt);
  out.fill(0, at + fixedBytes + nameBytes, at + bytes);
  return bytes;
}

/** `.` or `..`: READDIRPLUS gives them no node, so that the kernel does not count a lookup. */
export function encodeDot(
  name: '.' | '..',
  ino: InodeId,
  next: number,
  plus: boolean,
  out: Buffer,
  at: number,
  end: number,
): number {
  const fixedBytes = plus ? wire.DIRENTPLUS_BYTES : wire.DIRENT_BYTES;
  const bytes = alignTo8(fixedBytes + name.length);
  if (at + bytes > end) return 0;
  out.fill(0, at, at + bytes);
  const shown = name === '.' || ino === ROOT_INODE ? ino : wire.UNKNOWN_INO;
  writeDirent(shown, next, wire.DT_DIR, name, name.length, out, at + fixedBytes - wire.DIRENT_BYTES);
  return bytes;
}

function writeDirent(
  ino: number,
  next: number,
  type: number,
  name: string,
  nameBytes: number,
  out: Buffer,
  at: number,
) {
  writeU64(ino, out, at);
  writeU64(next, out, at + 8);
  out.writeUInt32LE(nameBytes, at + 16);
  out.writeUInt32LE(type, at + 20);
  out.write(name, at + wire.DIRENT_BYTES, 'utf8');
}

const alignTo8 = (bytes: number): number => (bytes + 7) & ~7;

/** The most entries that `size` bytes can hold. */
export function maxDirents(size: number, plus: boolean): number {
  return Math.floor(size / alignTo8((plus ? wire.DIRENTPLUS_BYTES : wire.DIRENT_BYTES) + 1));
}

/** A notification: forget the name, and with it the lookups below it. */
export function encodeInvalidateEntry(parent: InodeId, name: string): Buffer {
  const nameBytes = Buffer.byteLength(name);
  const out = Buffer.alloc(wire.OUT_HEADER_BYTES + wire.INVAL_ENTRY_BYTES + nameBytes + 1);
  encodeNotification(wire.NOTIFY.INVAL_ENTRY, out);
  writeU64(parent, out, 16);
  out.writeUInt32LE(nameBytes, 24);
  out.write(name, 32, 'utf8');
  return out;
}

/** A notification: forget the attributes and every cached page of the inode. */
export function encodeInvalidateInode(ino: InodeId): Buffer {
  const out = Buffer.alloc(wire.OUT_HEADER_BYTES + wire.INVAL_INODE_BYTES);
  encodeNotification(wire.NOTIFY.INVAL_INODE, out);
  writeU64(ino, out, 16); // offset 0 and length 0: to the end
  return out;
}

function encodeNotification(code: number, out: Buffer): void {
  out.writeUInt32LE(out.length, 0);
  out.writeInt32LE(code, 4);
}
