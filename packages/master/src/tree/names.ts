import { MAX_NAME_BYTES, TidecacheError } from '@tidecache/protocol';

/** Refuses what can't be one component of a path: NAME_TOO_LONG, INVALID, or NOT_FOUND for what no name can be. */
export function checkName(name: string): void {
  if (name === '' || name === '.' || name === '..' || name.includes('/')) {
    throw new TidecacheError('INVALID', `${JSON.stringify(name.slice(0, 300))} is not the name of an entry`);
  }
  if (name.length * 3 > MAX_NAME_BYTES && Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw new TidecacheError(
      'NAME_TOO_LONG',
      `a name of more than ${MAX_NAME_BYTES} bytes: ${name.slice(0, 40)}…`,
    );
  }
  if (name.includes('\0')) throw new TidecacheError('NOT_FOUND', 'no name holds a NUL byte');
}
