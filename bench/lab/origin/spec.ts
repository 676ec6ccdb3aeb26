/** What the lean origin holds: generated objects, described in a line that fits on a command line. */

export type ObjectSpec =
  | { readonly key: string; readonly size: number }
  /** `files` objects in each of `dirs` folders, or under the prefix itself when `dirs` is 0. */
  | { readonly prefix: string; readonly dirs: number; readonly files: number; readonly size: number };

export interface OriginSpec {
  readonly objects: readonly ObjectSpec[];
  /** Before the first byte of each answer. */
  readonly latencyMs?: number;
  /** What one connection carries; as fast as it goes without it. */
  readonly connectionBytesPerSecond?: number;
}

/** What went over since the start or the last reset. GETs of objects alone are counted as such. */
export interface OriginStats {
  readonly gets: number;
  readonly heads: number;
  readonly lists: number;
  readonly bytesSent: number;
  /** GETs at once, at most. */
  readonly maxInFlight: number;
}

const digits = (index: number, width: number) => String(index).padStart(width, '0');
export const dirName = (index: number) => `d${digits(index, 4)}`;
export const fileName = (index: number) => `f${digits(index, 6)}`;

/** Every key with its size. */
export function sizesOf(objects: readonly ObjectSpec[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const spec of objects) {
    if ('key' in spec) {
      sizes.set(spec.key, spec.size);
      continue;
    }
    const folders = spec.dirs === 0 ? [''] : Array.from({ length: spec.dirs }, (_, i) => `${dirName(i)}/`);
    for (const folder of folders) {
      for (let i = 0; i < spec.files; i++) sizes.set(`${spec.prefix}${folder}${fileName(i)}`, spec.size);
    }
  }
  return sizes;
}
