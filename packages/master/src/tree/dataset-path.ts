/** Where in the tree a dataset may stand. */
import { MAX_KEY_BYTES, TidecacheError } from '@tidecache/protocol';
import { nameProblem } from '@tidecache/storage';

/** The names of a dataset's path. Throws INVALID, naming the component that is off and the form wanted. */
export function splitPath(path: string): string[] {
  if (!path.startsWith('/')) throw bad(path, 'it is not absolute', 'start it with a slash: /prices/daily');
  const trimmed = path.endsWith('/') ? path.slice(0, -1) : path;
  if (trimmed === '') throw bad(path, 'the root holds the datasets', 'give it a name: /data');
  if (Buffer.byteLength(trimmed) > MAX_KEY_BYTES) {
    throw bad(path, `it is longer than ${MAX_KEY_BYTES} bytes`, 'choose a shorter one');
  }
  const names = trimmed.slice(1).split('/');
  for (const name of names) {
    const problem = nameProblem(name);
    if (problem) throw bad(path, `"${name}" can't be a name in it (${problem})`, 'write it as /prices/daily');
  }
  return names;
}

/** `/a/b/` → `/a/b`. Throws as {@link splitPath}. */
export const normalisePath = (path: string): string => `/${splitPath(path).join('/')}`;

/** Throws ALREADY_EXISTS or INVALID when `path` is, is in, or holds one of `others`. */
export function checkPlace(path: string, others: Iterable<string>): void {
  for (const other of others) {
    if (other === path) {
      throw new TidecacheError(
        'ALREADY_EXISTS',
        `there is a dataset at ${path} already (remove it first, or choose another path)`,
      );
    }
    const inside = path.startsWith(`${other}/`);
    if (inside || other.startsWith(`${path}/`)) {
      const [inner, outer] = inside ? [path, other] : [other, path];
      throw new TidecacheError(
        'INVALID',
        `datasets can't nest: ${inner} would be inside ${outer} (choose a path beside it)`,
      );
    }
  }
}

const bad = (path: string, why: string, fix: string) =>
  new TidecacheError('INVALID', `bad dataset path ${JSON.stringify(path.slice(0, 300))}: ${why} (${fix})`);
