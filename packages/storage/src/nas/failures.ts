/** A file system's errno as one of our errors. */
import { type ErrorCode, TidecacheError } from '@tidecache/protocol';

const CODES: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOENT: ['NOT_FOUND', ''],
  ENOTDIR: ['NOT_FOUND', ''],
  ELOOP: ['NOT_FOUND', 'its symlinks lead nowhere'],
  EISDIR: ['IS_A_DIRECTORY', ''],
  EACCES: ['ACCESS_DENIED', 'let this process read it'],
  EPERM: ['ACCESS_DENIED', 'the file system refuses'],
  EROFS: ['READ_ONLY', 'the file system is mounted read-only'],
  ENAMETOOLONG: ['NAME_TOO_LONG', ''],
  EEXIST: ['ALREADY_EXISTS', ''],
  ENOTEMPTY: ['NOT_EMPTY', ''],
  ENOSPC: ['NO_SPACE', 'the file system is full'],
  EDQUOT: ['NO_SPACE', 'the quota is used up'],
  EMFILE: ['BUSY', 'this process has too many open files: raise its limit'],
  ENFILE: ['BUSY', 'this host has too many open files'],
  ETIMEDOUT: ['TIMEOUT', 'the mount does not answer'],
  EHOSTDOWN: ['UNREACHABLE', 'the mount has lost its server'],
  ENOTCONN: ['UNREACHABLE', 'the mount has lost its server'],
};

export function asNasFailure(thrown: unknown, doing: string): TidecacheError {
  if (thrown instanceof TidecacheError) return thrown;
  const error = thrown as NodeJS.ErrnoException;
  const [code, fix] = CODES[error.code ?? ''] ?? ['ORIGIN_FAILED', ''];
  const hint = fix ? ` (${fix})` : '';
  return new TidecacheError(code, `cannot ${doing}: ${error.code ?? error.message}${hint}`, {
    cause: thrown,
  });
}

export const isCode = (thrown: unknown, ...codes: ErrorCode[]): boolean =>
  thrown instanceof TidecacheError && codes.includes(thrown.code);
