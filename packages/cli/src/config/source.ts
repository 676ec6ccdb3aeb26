/** Where a configured value was written, so that an error can point at it. */
export type Source =
  | { readonly kind: 'flag'; readonly flag: string }
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string; readonly line: number; readonly key: string };

/** One value as written, unchecked, and where. */
export interface Written {
  readonly value: unknown;
  readonly source: Source;
}

/** `--memory`, `TIDECACHE_WORKER_MEMORY` or `tidecache.yaml:4: worker.memory`. */
export function describeSource(source: Source): string {
  switch (source.kind) {
    case 'flag':
      return source.flag;
    case 'env':
      return source.name;
    case 'file':
      return `${source.path}:${source.line}: ${source.key}`;
  }
}
