/**
 * Where a listing goes on: the store's own token, and the last directory that was told. Some servers tell a directory
 * again on the next page when a page ends with it.
 */
import { TidecacheError } from '@tidecache/protocol';
import { compareKeys } from '../names.js';
import type { RawPage } from './driver.js';

export interface Cursor {
  readonly token: string;
  readonly lastPrefix: string;
}

export function encodeCursor(raw: RawPage, before: Cursor | undefined): string {
  const lastPrefix = raw.prefixes.at(-1) ?? before?.lastPrefix ?? '';
  return JSON.stringify([raw.nextToken ?? '', lastPrefix]);
}

export function decodeCursor(after: string, doing: string): Cursor {
  try {
    const value: unknown = JSON.parse(after);
    if (Array.isArray(value)) {
      const [token, lastPrefix] = value as unknown[];
      if (typeof token === 'string' && token !== '' && typeof lastPrefix === 'string')
        return { token, lastPrefix };
    }
  } catch {
    // Said below.
  }
  throw new TidecacheError('INVALID', `cannot ${doing}: "after" is no cursor of an earlier page`);
}

export function withoutRepeats(raw: RawPage, cursor: Cursor | undefined): RawPage {
  if (!cursor || raw.prefixes.length === 0) return raw;
  return { ...raw, prefixes: raw.prefixes.filter((prefix) => compareKeys(prefix, cursor.lastPrefix) > 0) };
}
