/**
 * The structured part of a frame: msgpack of plain values, checked before and after decoding. Before, because a
 * length field can claim more than the bytes that follow; after, because a peer may be another release, or lying.
 */
import { Packr } from 'msgpackr';
import type { z } from 'zod';
import { TidecacheError } from './errors.js';
import { checkMsgpack } from './msgpack-check.js';

// Plain maps only: records would make an answer depend on what the connection saw before.
const packr = new Packr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });

export const EMPTY_BODY: Buffer = Buffer.alloc(0);

/** A fresh buffer that holds `value`; undefined has no bytes. */
export function encodeBody(value: unknown): Buffer {
  if (value === undefined) return EMPTY_BODY;
  // A copy: msgpackr hands out views of a buffer that it goes on writing to.
  return Buffer.from(packr.pack(value));
}

/** The value in `bytes`, if it has `schema`'s shape. Throws PROTOCOL, naming `what` and the first field that is off. */
export function decodeBody<T>(schema: z.ZodType<T>, bytes: Uint8Array, what: string): T {
  const value = bytes.length === 0 ? undefined : unpack(bytes, what);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.join('.') || 'it';
  throw new TidecacheError('PROTOCOL', `bad ${what}: ${field}: ${issue?.message ?? 'wrong shape'}`);
}

function unpack(bytes: Uint8Array, what: string): unknown {
  const reason = checkMsgpack(bytes);
  if (reason) throw new TidecacheError('PROTOCOL', `bad ${what}: ${reason}`);
  try {
    return packr.unpack(bytes);
  } catch (cause) {
    throw new TidecacheError('PROTOCOL', `bad ${what}: ${(cause as Error).message}`, { cause });
  }
}
