/** Requests as the kernel makes them, for tests without one. */
import { writeU64 } from '../../src/kernel/conversion.js';
import { IN_HEADER_BYTES } from '../../src/kernel/wire.js';

export interface RequestInit {
  readonly opcode: number;
  readonly unique?: number;
  readonly ino?: number;
  readonly pid?: number;
  readonly body?: Uint8Array;
}

export function makeRequest({ opcode, unique = 2, ino = 1, pid = 4242, body }: RequestInit): Buffer {
  const request = Buffer.alloc(IN_HEADER_BYTES + (body?.length ?? 0));
  request.writeUInt32LE(request.length, 0);
  request.writeUInt32LE(opcode, 4);
  writeU64(unique, request, 8);
  writeU64(ino, request, 16);
  request.writeUInt32LE(pid, 32);
  if (body) request.set(body, IN_HEADER_BYTES);
  return request;
}

export const nameBody = (name: string): Buffer => Buffer.from(`${name}\0`);

/** Arguments of READ, READDIR and READDIRPLUS. */
export function readBody(handle: number, offset: number, size: number): Buffer {
  const body = Buffer.alloc(40);
  writeU64(handle, body, 0);
  writeU64(offset, body, 8);
  body.writeUInt32LE(size, 16);
  return body;
}

export function handleBody(handle: number): Buffer {
  const body = Buffer.alloc(24);
  writeU64(handle, body, 0);
  return body;
}

export interface Answer {
  readonly unique: number;
  /** A positive errno, or 0. */
  readonly error: number;
  readonly body: Buffer;
}

/** A device that keeps what is written; it refuses what the kernel would. */
export class FakeDevice {
  readonly answers: Answer[] = [];
  /** What `write` returns: false as when nobody waits any more. */
  delivers = true;

  write(bytes: Buffer, length: number): boolean {
    return this.writeParts([bytes.subarray(0, length)]);
  }

  writeParts(parts: readonly Uint8Array[]): boolean {
    const bytes = Buffer.concat(parts);
    if (bytes.length < 16 || bytes.readUInt32LE(0) !== bytes.length) throw new Error('the length is wrong');
    const error = -bytes.readInt32LE(4);
    if (error < 0 || error > 511) throw new Error(`the kernel takes no error ${error}`);
    if (error !== 0 && bytes.length !== 16) throw new Error('an error has no body');
    const unique = bytes.readUInt32LE(8) + bytes.readUInt32LE(12) * 2 ** 32;
    if (this.delivers) this.answers.push({ unique, error, body: Buffer.from(bytes.subarray(16)) });
    return this.delivers;
  }
}
