/** What the scenarios share. */
import type { Test } from 'tap';
import type { ListItem, ListPage, ObjectInfo, Origin, OriginCall } from '../../api.js';

/** Ample: a scenario that needs it is broken. */
export const CALL: OriginCall = { deadlineMs: 30_000 };

/** The same bytes for the same seed (xorshift32, G. Marsaglia, 2003). */
export function bytesOf(size: number, seed: number): Buffer {
  const out = Buffer.allocUnsafe(size);
  let state = seed | 1;
  for (let i = 0; i < size; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    out[i] = state;
  }
  return out;
}

/** Numbers in [0, 1), the same for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

export async function readAll(origin: Origin, info: ObjectInfo): Promise<Buffer> {
  return readRange(origin, info, 0, info.size);
}

export async function readRange(
  origin: Origin,
  info: ObjectInfo,
  offset: number,
  length: number,
): Promise<Buffer> {
  const into = Buffer.alloc(length);
  await origin.read(info.key, { ...CALL, version: info.version, offset, length, into });
  return into;
}

/** All pages of a listing, at most `limit` items each. */
export async function listAll(
  origin: Origin,
  directory: string,
  options: { readonly limit?: number; readonly recursive?: boolean } = {},
): Promise<{ items: ListItem[]; skipped: Record<string, number>; pages: ListPage[] }> {
  const items: ListItem[] = [];
  const skipped: Record<string, number> = {};
  const pages: ListPage[] = [];
  let after: string | undefined;
  do {
    const page: ListPage = await origin.list(directory, {
      ...CALL,
      ...options,
      ...(after !== undefined && { after }),
    });
    items.push(...page.items);
    for (const [reason, count] of Object.entries(page.skipped))
      skipped[reason] = (skipped[reason] ?? 0) + count;
    pages.push(page);
    after = page.next;
    if (pages.length > 10_000) throw new Error('the listing does not end');
  } while (after !== undefined);
  return { items, skipped, pages };
}

export const keysOf = (items: readonly ListItem[]): string[] => items.map((item) => item.key);

/** Rejects with that code, and with a message that says what was done to which key. */
export async function rejectsWith(
  t: Test,
  promise: Promise<unknown>,
  code: string,
  what: string,
): Promise<void> {
  await t.rejects(promise, { name: 'TidecacheError', code }, what);
}

export const utf8Order = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
