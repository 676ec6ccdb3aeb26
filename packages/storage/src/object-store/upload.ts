/** A body, however it comes, cut into parts: sized buffers, so that each can be sent again. */
import { createHash } from 'node:crypto';
import { asTidecacheError, TidecacheError } from '@tidecache/protocol';
import { MAX_PARTS, MAX_PARTS_IN_FLIGHT, PART_BYTES } from '../limits.js';
import { type UploadedPart, versionOf } from './driver.js';

/** Bytes of each part for an object of `size` bytes; for an unknown size, up to 80 GB fit. */
export function partBytesFor(size: number | undefined): number {
  return Math.max(PART_BYTES, Math.ceil((size ?? 0) / MAX_PARTS));
}

/** Parts of exactly `partBytes`, but for the last. At least one, perhaps empty. Each is the caller's own. */
export async function* partsOf(
  body: Uint8Array | AsyncIterable<Uint8Array>,
  partBytes: number,
): AsyncGenerator<Uint8Array> {
  if (body instanceof Uint8Array) {
    for (let at = 0; at < body.length || at === 0; at += partBytes) yield body.subarray(at, at + partBytes);
    return;
  }
  let part = Buffer.allocUnsafe(partBytes);
  let filled = 0;
  let yielded = 0;
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length; ) {
      const taken = Math.min(partBytes - filled, chunk.length - at);
      part.set(chunk.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
      if (filled === partBytes) {
        yield part;
        yielded++;
        part = Buffer.allocUnsafe(partBytes);
        filled = 0;
      }
    }
  }
  if (filled > 0 || yielded === 0) yield part.subarray(0, filled);
}

/** Passes parts on and fails at the end when they are not `size` bytes in all. */
export async function* checkSize(
  parts: AsyncIterable<Uint8Array>,
  size: number | undefined,
  doing: string,
): AsyncGenerator<Uint8Array> {
  let total = 0;
  for await (const part of parts) {
    total += part.length;
    if (size !== undefined && total > size) throw wrongSize(doing, size, `more than ${size}`);
    yield part;
  }
  if (size !== undefined && total !== size) throw wrongSize(doing, size, `${total}`);
}

const wrongSize = (doing: string, size: number, came: string) =>
  new TidecacheError('INVALID', `cannot ${doing}: ${size} bytes were announced, ${came} came`);

/** Sends parts, several at once, and gives back their receipts in order. */
export async function inParallel<T>(
  parts: AsyncIterable<T> | Iterable<T>,
  send: (part: T, number: number) => Promise<UploadedPart>,
): Promise<UploadedPart[]> {
  const sent: UploadedPart[] = [];
  const inFlight = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  let number = 0;
  for await (const part of parts) {
    const mine = ++number;
    const sending: Promise<void> = send(part, mine).then(
      (receipt) => {
        sent[mine - 1] = receipt;
        inFlight.delete(sending);
      },
      (error: unknown) => {
        failure ??= { error };
        inFlight.delete(sending);
      },
    );
    inFlight.add(sending);
    if (inFlight.size >= MAX_PARTS_IN_FLIGHT) await Promise.race(inFlight);
    if (failure) break;
  }
  await Promise.all(inFlight);
  if (failure) throw failure.error;
  return sent;
}

/** The next part, if there is one; whatever the body throws as a TidecacheError. */
export async function nextPart(
  parts: AsyncGenerator<Uint8Array>,
  doing: string,
): Promise<Uint8Array | undefined> {
  try {
    const { value, done } = await parts.next();
    return done ? undefined : value;
  } catch (error) {
    throw asTidecacheError(error, 'INVALID', `cannot ${doing}: its body failed`);
  }
}

/** The version of an object made of parts, as S3 and its kin name it: the MD5 of the parts' MD5s, and their number. */
export function multipartVersion(parts: readonly UploadedPart[]): string {
  const hash = createHash('md5');
  for (const { etag } of parts) hash.update(versionOf(etag), 'hex');
  return `${hash.digest('hex')}-${parts.length}`;
}

/** `size` bytes in ranges of `step`: [start, end). */
export function* rangesOf(size: number, step: number): Generator<{ start: number; end: number }> {
  for (let start = 0; start < size; start += step) yield { start, end: Math.min(start + step, size) };
}
