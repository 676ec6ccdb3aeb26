/**
 * Answers that stay where they are: a client on the worker's host maps the worker's memory and is told where the
 * bytes lie. They are its own to look at until it says RELEASE, or its connection ends.
 *
 * The body of a mapped answer is ranges, in the order of the bytes: slab, first byte, length, 4 bytes each. RELEASE's
 * body is lease numbers, 4 bytes each. Both little-endian.
 */
import { TidecacheError } from './errors.js';

/** Bytes of one slab of shared memory. */
export interface MappedRange {
  readonly slab: number;
  readonly offset: number;
  readonly length: number;
}

export const RANGE_BYTES = 12;
const LEASE_BYTES = 4;

export function encodeMapped(ranges: readonly MappedRange[]): Buffer {
  const out = Buffer.allocUnsafe(ranges.length * RANGE_BYTES);
  for (const [i, range] of ranges.entries()) encodeRange(range, out, i * RANGE_BYTES);
  return out;
}

export function encodeRange({ slab, offset, length }: MappedRange, out: Buffer, at: number): void {
  out.writeUInt32LE(slab, at);
  out.writeUInt32LE(offset, at + 4);
  out.writeUInt32LE(length, at + 8);
}

export const decodeRange = (body: Buffer, at: number): MappedRange => ({
  slab: body.readUInt32LE(at),
  offset: body.readUInt32LE(at + 4),
  length: body.readUInt32LE(at + 8),
});

/** Throws PROTOCOL on a body that is no whole ranges. */
export function decodeMapped(body: Buffer): MappedRange[] {
  if (body.length === 0 || body.length % RANGE_BYTES !== 0) throw bad('mapped answer', body.length);
  const ranges: MappedRange[] = [];
  for (let at = 0; at < body.length; at += RANGE_BYTES) {
    ranges.push(decodeRange(body, at));
  }
  return ranges;
}

export function encodeRelease(leases: readonly number[]): Buffer {
  const out = Buffer.allocUnsafe(leases.length * LEASE_BYTES);
  for (const [i, lease] of leases.entries()) out.writeUInt32LE(lease, i * LEASE_BYTES);
  return out;
}

/** Throws PROTOCOL on a body that is no whole numbers. */
export function decodeRelease(body: Buffer): number[] {
  if (body.length % LEASE_BYTES !== 0) throw bad('RELEASE', body.length);
  return Array.from({ length: body.length / LEASE_BYTES }, (_, i) => body.readUInt32LE(i * LEASE_BYTES));
}

const bad = (what: string, bytes: number) => new TidecacheError('PROTOCOL', `${what} of ${bytes} bytes`);
