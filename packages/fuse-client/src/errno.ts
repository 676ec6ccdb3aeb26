/** The edge where errors become errno numbers. Nothing below it knows them. */
import { constants } from 'node:os';
import { asTidecacheError } from '@tidecache/protocol';

const byName: Readonly<Record<string, number>> = constants.errno;

/** The platform's number of an errno's name; EIO's when it has none. Positive. */
export const errno = (name: string): number => byName[name] ?? constants.errno.EIO;

/** The errno of anything thrown. */
export const errnoOf = (thrown: unknown): number => errno(asTidecacheError(thrown).errno);

/** The `code` of a failed system call, or ''. */
export function systemCode(thrown: unknown): string {
  const code = (thrown as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}
