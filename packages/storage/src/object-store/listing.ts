/**
 * A page of a bucket's listing as a page of a directory: pure, but for one question that only the bucket can answer.
 */
import type { ListItem, ListPage } from '../api.js';
import { childProblem, compareKeys, keyProblem, SkipCount } from '../names.js';
import type { RawPage } from './driver.js';

/** Whether any key starts with `prefix`. */
export type Probe = (prefix: string) => Promise<boolean>;

/**
 * One directory's children. A file whose name is also a directory's is left out. Its directory comes later in the
 * order (`a`, `a-b`, `a/`), so perhaps on a later page: but then only files whose keys are prefixes of this page's
 * last key can be affected, and `probe` tells for those.
 */
export async function directoryPage(
  raw: RawPage,
  root: string,
  directory: string,
  probe: Probe,
): Promise<ListPage> {
  const base = root + directory;
  const skipped = new SkipCount();
  const items: ListItem[] = [];
  const directories = new Set<string>();
  for (const prefix of raw.prefixes) {
    const reason = childProblem(prefix.slice(base.length, -1), prefix.slice(root.length));
    if (reason) skipped.add(reason);
    else if (!directories.has(prefix)) {
      directories.add(prefix);
      items.push({ kind: 'directory', key: prefix.slice(root.length) });
    }
  }
  const last = raw.nextToken === undefined ? undefined : lastKey(raw);
  for (const object of raw.objects) {
    // The directory's own marker.
    if (object.key === base) continue;
    const key = object.key.slice(root.length);
    const reason = childProblem(object.key.slice(base.length), key);
    if (reason) skipped.add(reason);
    else if (directories.has(`${object.key}/`)) skipped.add('shadowed-by-directory');
    else if (last !== undefined && mayFollow(object.key, last) && (await probe(`${object.key}/`))) {
      skipped.add('shadowed-by-directory');
    } else items.push({ kind: 'file', ...object, key });
  }
  return finish(items, skipped, raw);
}

/** Every file below a directory: the same, where each ancestor of each key is a directory. */
export async function recursivePage(
  raw: RawPage,
  root: string,
  directory: string,
  probe: Probe,
): Promise<ListPage> {
  const base = root + directory;
  const skipped = new SkipCount();
  const items: ListItem[] = [];
  const directories = new Set<string>();
  for (const { key } of raw.objects) {
    for (let slash = key.indexOf('/', root.length); slash >= 0; slash = key.indexOf('/', slash + 1)) {
      directories.add(key.slice(0, slash + 1));
    }
  }
  const last = raw.nextToken === undefined ? undefined : lastKey(raw);
  for (const object of raw.objects) {
    if (object.key === base) continue;
    const key = object.key.slice(root.length);
    const reason = keyProblem(key.endsWith('/') ? key.slice(0, -1) : key);
    if (reason) skipped.add(reason);
    else if (key.endsWith('/')) continue;
    else if (directories.has(`${object.key}/`)) skipped.add('shadowed-by-directory');
    else if (last !== undefined && mayFollow(object.key, last) && (await probe(`${object.key}/`))) {
      skipped.add('shadowed-by-directory');
    } else items.push({ kind: 'file', ...object, key });
  }
  return finish(items, skipped, raw);
}

function finish(items: ListItem[], skipped: SkipCount, raw: RawPage): ListPage {
  // Stores list objects and prefixes apart.
  items.sort((a, b) => compareKeys(a.key, b.key));
  const page = { items, skipped: skipped.counts };
  return raw.nextToken === undefined ? page : { ...page, next: raw.nextToken };
}

/** Whether `file`/ would be listed after `last`. */
const mayFollow = (file: string, last: string): boolean =>
  last.startsWith(file) && compareKeys(`${file}/`, last) > 0;

function lastKey(raw: RawPage): string {
  let last = '';
  for (const { key } of raw.objects) if (compareKeys(key, last) > 0) last = key;
  for (const prefix of raw.prefixes) if (compareKeys(prefix, last) > 0) last = prefix;
  return last;
}
