/**
 * The frame: a fixed header, a structured body, a raw payload. Docs: docs/PROTOCOL.md.
 *
 * | offset | bytes | field |
 * | ---: | ---: | --- |
 * | 0 | 2 | magic `Tc` |
 * | 2 | 1 | version of the frame, 1 |
 * | 3 | 1 | flags |
 * | 4 | 2 | opcode |
 * | 6 | 2 | status: 0, or an error's wire code, in a reply |
 * | 8 | 4 | request id, chosen by who asks; 0 in a push |
 * | 12 | 4 | deadline in milliseconds from receipt, in a request |
 * | 16 | 4 | body bytes |
 * | 20 | 4 | payload bytes |
 * | 24 | 4 | CRC-32 of the body |
 * | 28 | 4 | CRC-32 of the payload |
 * | 32 | 4 | reserved, 0 |
 * | 36 | 4 | CRC-32 of bytes 0 to 35 |
 *
 * All integers are little-endian. CRC-32 is zlib's (IEEE 802.3).
 */
import { crc32OfFew } from './crc.js';
import { TidecacheError } from './errors.js';
import { HEADER_BYTES, MAX_BODY_BYTES, MAX_PAYLOAD_BYTES } from './limits.js';

export const FRAME_MAGIC = 0x6354; // 'T' 'c' on the wire
export const FRAME_VERSION = 1;

export const FLAG_REPLY = 1;
/** More frames of the same reply follow. */
export const FLAG_MORE = 2;
/** Sent by a server unasked; has no reply. */
export const FLAG_PUSH = 4;
/** The asker no longer wants the reply of this request id. Has no reply. */
export const FLAG_CANCEL = 8;
/** Of a header, those that its checksum is of. */
const CHECKED_BYTES = HEADER_BYTES - 4;
const KNOWN_FLAGS = FLAG_REPLY | FLAG_MORE | FLAG_PUSH | FLAG_CANCEL;

export interface FrameHeader {
  flags: number;
  opcode: number;
  status: number;
  requestId: number;
  deadlineMs: number;
  bodyBytes: number;
  payloadBytes: number;
  bodyCrc: number;
  payloadCrc: number;
}

/** Writes a header into `out` at `at`; `out` must have {@link HEADER_BYTES} there. */
export function encodeHeader(header: FrameHeader, out: Buffer, at = 0): void {
  out.writeUInt16LE(FRAME_MAGIC, at);
  out[at + 2] = FRAME_VERSION;
  out[at + 3] = header.flags;
  out.writeUInt16LE(header.opcode, at + 4);
  out.writeUInt16LE(header.status, at + 6);
  out.writeUInt32LE(header.requestId, at + 8);
  out.writeUInt32LE(header.deadlineMs, at + 12);
  out.writeUInt32LE(header.bodyBytes, at + 16);
  out.writeUInt32LE(header.payloadBytes, at + 20);
  out.writeUInt32LE(header.bodyCrc, at + 24);
  out.writeUInt32LE(header.payloadCrc, at + 28);
  out.writeUInt32LE(0, at + 32);
  out.writeUInt32LE(crc32OfFew(out, at, at + CHECKED_BYTES), at + 36);
}

/**
 * Reads the header at `at`. Throws PROTOCOL with the reason when it is not a header of this version, its checksum
 * is wrong, or a length is over its limit: nothing after such a header can be trusted, so the connection must end.
 */
export function decodeHeader(bytes: Buffer, at = 0): FrameHeader {
  if (bytes.length - at < HEADER_BYTES) throw bad(`header of ${bytes.length - at} bytes`);
  const magic = bytes.readUInt16LE(at);
  if (magic !== FRAME_MAGIC) throw bad(`magic 0x${magic.toString(16)}: the peer is not Tidecache`);
  if (bytes.readUInt32LE(at + 36) !== crc32OfFew(bytes, at, at + CHECKED_BYTES))
    throw bad('header checksum differs');
  const version = bytes[at + 2]!;
  if (version !== FRAME_VERSION) {
    throw bad(`frame version ${version}, this side speaks ${FRAME_VERSION}: run the same release on both`);
  }
  const flags = bytes[at + 3]!;
  if ((flags & ~KNOWN_FLAGS) !== 0) throw bad(`unknown flags 0x${flags.toString(16)}`);
  const bodyBytes = bytes.readUInt32LE(at + 16);
  if (bodyBytes > MAX_BODY_BYTES) throw bad(`body of ${bodyBytes} bytes, at most ${MAX_BODY_BYTES}`);
  const payloadBytes = bytes.readUInt32LE(at + 20);
  if (payloadBytes > MAX_PAYLOAD_BYTES)
    throw bad(`payload of ${payloadBytes} bytes, at most ${MAX_PAYLOAD_BYTES}`);
  return {
    flags,
    opcode: bytes.readUInt16LE(at + 4),
    status: bytes.readUInt16LE(at + 6),
    requestId: bytes.readUInt32LE(at + 8),
    deadlineMs: bytes.readUInt32LE(at + 12),
    bodyBytes,
    payloadBytes,
    bodyCrc: bytes.readUInt32LE(at + 24),
    payloadCrc: bytes.readUInt32LE(at + 28),
  };
}

const bad = (reason: string) => new TidecacheError('PROTOCOL', `bad frame: ${reason}`);
