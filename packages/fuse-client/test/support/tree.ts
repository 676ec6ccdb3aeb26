/** The tree that the suite mounts. Made alike in the test and in the process that serves it: inode by inode. */
import { GiB, KiB, MiB } from '@tidecache/protocol';
import { type MemoryFileSystem, memoryFileSystem, type Tree } from '../../src/testing/index.js';

export const WIDE_ENTRIES = 100_000;
export const HUGE_BYTES = 5 * GiB + 12_345;

export const SIZES: Readonly<Record<string, number>> = {
  '0': 0,
  '1': 1,
  '4095': 4095,
  '4096': 4096,
  '4097': 4097,
  '256KiB-1': 256 * KiB - 1,
  '1MiB-1': MiB - 1,
  '1MiB': MiB,
  '1MiB+1': MiB + 1,
  '9MiB+7': 9 * MiB + 7,
};

/** Names and the sizes of their files. */
export const NAMES: Readonly<Record<string, number>> = {
  'with spaces and  more ': 11,
  历史行情数据: 12,
  'tide 🌊🚀 emoji': 13,
  'new\nline': 14,
  'tab\tand\\040backslash': 15,
  $HOME: 16,
  '`id`"\'': 17,
  '-rf': 18,
  '...': 19,
  [`${'x'.repeat(255)}`]: 20,
  ['数'.repeat(85)]: 21,
};

const wide = (): Tree =>
  Object.fromEntries(
    Array.from({ length: WIDE_ENTRIES }, (_, i) => [`f${String(i).padStart(6, '0')}`, i % 7]),
  );

/** `withWide`: with the large directory, which takes a while to make. `openless`: files are read by their inode. */
export const suiteFileSystem = (withWide: boolean, openless = false): MemoryFileSystem =>
  memoryFileSystem(
    {
      sizes: SIZES,
      names: NAMES,
      huge: HUGE_BYTES,
      wide: withWide ? wide() : {},
      one: { a: { b: { c: { d: 5 } } } },
      empty: {},
      replaced: 5000,
      'replaced-smaller': 9000,
      // What the server does slowly, see serve.ts.
      slow: { read: 4096, other: 4096 },
    },
    {
      openless,
      xattrs: (inode) =>
        inode.kind === 'file'
          ? {
              'user.tidecache.version': `v${inode.ino}`,
              'user.tidecache.dataset': '/sizes',
              'user.tidecache.origin': `s3://bucket/数据/${inode.ino}`,
            }
          : {},
    },
  );
