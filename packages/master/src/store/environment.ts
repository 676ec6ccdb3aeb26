/** Opens LMDB so that what is wrong with the directory is said in words, before LMDB meets it. */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { TidecacheError } from '@tidecache/protocol';
import { open, type RootDatabase } from 'lmdb';

export type Environment = RootDatabase<unknown, Buffer>;

const DATA_FILE = 'data.mdb';
/** MDB_MAGIC of the first meta page, after the page's header of 24 bytes in this build of LMDB. */
const LMDB_MAGIC = 0xbeefc0de;
const LMDB_MAGIC_AT = 24;
const MAX_TABLES = 16;

/** Throws INVALID, ACCESS_DENIED, NO_SPACE or INTERNAL: naming the path, why, and the fix. */
export function openEnvironment(dataDir: string): Environment {
  makeDirectory(dataDir);
  checkDataFile(join(dataDir, DATA_FILE));
  try {
    // In a directory, by its own name: a dot in it must not make LMDB take it for a file.
    return open<unknown, Buffer>({ path: dataDir, noSubdir: false, maxDbs: MAX_TABLES, noMemInit: false });
  } catch (cause) {
    throw openingError(dataDir, cause);
  }
}

/** Makes the directory, and every directory above it that is missing. */
function makeDirectory(dataDir: string): void {
  try {
    // One at a time: Node's own recursive mkdir never returns where nothing can be made, as under /proc.
    const missing: string[] = [];
    for (let path = resolve(dataDir); !existsSync(path); path = dirname(path)) missing.unshift(path);
    for (const path of missing) mkdirSync(path, { mode: 0o700 });
    if (!statSync(dataDir).isDirectory()) throw Object.assign(new Error('it is a file'), { code: 'ENOTDIR' });
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw openingError(dataDir, cause);
  }
}

/** LMDB crashes on some files that are none of its own, so a look at the first page goes before. */
function checkDataFile(path: string): void {
  if (!existsSync(path)) return;
  const head = Buffer.alloc(LMDB_MAGIC_AT + 4);
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    if (statSync(path).size === 0) return; // A crash at its birth: LMDB starts it anew.
    const file = openSync(path, 'r');
    try {
      readSync(file, head, 0, head.length, 0);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw openingError(path, cause);
  }
  const magic = head.readUInt32LE(LMDB_MAGIC_AT);
  if (magic !== LMDB_MAGIC) {
    throw new TidecacheError(
      'INVALID',
      `cannot open ${path}: it is no LMDB file (choose another data directory, or remove it: the master fills a new one)`,
    );
  }
}

const FIXES: Record<string, ['ACCESS_DENIED' | 'NO_SPACE' | 'INVALID', string, string]> = {
  EACCES: ['ACCESS_DENIED', 'no permission', 'give its owner to the user of the master, or choose another'],
  EPERM: ['ACCESS_DENIED', 'no permission', 'give its owner to the user of the master, or choose another'],
  EROFS: ['ACCESS_DENIED', 'the file system is read-only', 'choose a data directory that can be written'],
  ENOSPC: ['NO_SPACE', 'the disk is full', 'free some space, or choose a data directory on another disk'],
  EDQUOT: ['NO_SPACE', 'the disk quota is used up', 'free some space, or choose another data directory'],
  ENOTDIR: ['INVALID', 'it is no directory', 'choose a directory, or a new path'],
  EEXIST: ['INVALID', 'it is no directory', 'choose a directory, or a new path'],
  ENOENT: ['INVALID', "it can't be made there", 'choose a path on a file system that takes files'],
};

function openingError(path: string, cause: unknown): TidecacheError {
  const { code, message } = cause as { code?: string | number; message?: string };
  const [error, why, fix] = FIXES[String(code)] ?? [
    'INTERNAL' as const,
    message ?? String(cause),
    'see that the disk works and has space',
  ];
  return new TidecacheError(error, `cannot open the master's data in ${path}: ${why} (${fix})`, { cause });
}
