/**
 * Which keys of an origin have a place in a POSIX tree. A key is names joined by slashes; an object whose key breaks
 * a rule is left out of listings and counted by its reason, and can't be asked for.
 */
import { MAX_KEY_BYTES, MAX_NAME_BYTES, TidecacheError } from '@tidecache/protocol';
import type { SkipReason } from './api.js';

/** Half of a pair alone has no UTF-8; U+FFFD is what a decoder leaves of bytes that were none. */
const NOT_TEXT = /\p{Surrogate}|\uFFFD/u;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** What keeps `name` from being a file's or directory's name; undefined when nothing does. */
export function nameProblem(name: string): SkipReason | undefined {
  return problem(name, NOT_TEXT);
}

/** What keeps `key` (no trailing slash) out of the tree; undefined when nothing does. */
export function keyProblem(key: string): SkipReason | undefined {
  for (const name of key.split('/')) {
    const reason = nameProblem(name);
    if (reason) return reason;
  }
  return Buffer.byteLength(key) > MAX_KEY_BYTES ? 'key-too-long' : undefined;
}

/** The same for a child of a directory that is in the tree: its name is looked at, and its key's length. */
export function childProblem(name: string, key: string): SkipReason | undefined {
  const reason = nameProblem(name);
  if (reason) return reason;
  return key.length * 3 > MAX_KEY_BYTES && Buffer.byteLength(key) > MAX_KEY_BYTES
    ? 'key-too-long'
    : undefined;
}

/**
 * Refuses a key that someone asks for: NAME_TOO_LONG, or INVALID with the reason. Here U+FFFD may stand: a file
 * system can hold it as the character that it is.
 */
export function checkKey(key: string, doing: string): void {
  for (const name of key.split('/')) {
    const reason = problem(name, LONE_SURROGATE);
    if (reason) refuse(reason, key, doing);
  }
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) refuse('key-too-long', key, doing);
}

/** The same for a directory's key: '' or with its slash at the end. */
export function checkDirectoryKey(key: string, doing: string): void {
  if (key === '') return;
  if (!key.endsWith('/'))
    throw new TidecacheError('INVALID', `${doing}: a directory's key ends with a slash`);
  checkKey(key.slice(0, -1), doing);
}

function problem(name: string, notText: RegExp): SkipReason | undefined {
  if (name === '') return 'empty-name';
  if (name === '.' || name === '..') return 'dot-name';
  if (name.includes('\0')) return 'nul';
  if (notText.test(name)) return 'not-utf8';
  // A UTF-16 unit is one to three bytes: most names need no count.
  if (name.length * 3 > MAX_NAME_BYTES && Buffer.byteLength(name) > MAX_NAME_BYTES) return 'name-too-long';
  return undefined;
}

function refuse(reason: SkipReason, key: string, doing: string): never {
  const code = reason === 'name-too-long' || reason === 'key-too-long' ? 'NAME_TOO_LONG' : 'INVALID';
  const shown = JSON.stringify(key.length > 300 ? `${key.slice(0, 300)}…` : key);
  throw new TidecacheError(code, `${doing}: ${shown} is no path of the tree (${reason})`);
}

/** Orders keys by their UTF-8 bytes, as origins do: not JavaScript's own order beyond U+FFFF. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // Surrogates (astral characters, four bytes) come after U+E000 to U+FFFF (three bytes), though their units are less.
    const liftedX = x >= 0xd800 && x <= 0xdfff ? x + 0x10000 : x;
    const liftedY = y >= 0xd800 && y <= 0xdfff ? y + 0x10000 : y;
    return liftedX - liftedY;
  }
  return a.length - b.length;
}

/** Counts by reason, for a listing's page. */
export class SkipCount {
  readonly counts: Partial<Record<SkipReason, number>> = {};

  add(reason: SkipReason): void {
    this.counts[reason] = (this.counts[reason] ?? 0) + 1;
  }
}
