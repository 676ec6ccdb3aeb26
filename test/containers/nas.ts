/** The files of the NAS, whose sizes lie around the units of caching and of the kernel. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { chunksOf, generated } from '../lab/content.js';

const KiB = 1024;
const MiB = 1024 * KiB;
const BLOCK = 4 * MiB;

export type NasFiles = ReadonlyMap<string, { readonly sha256: string }>;

/** Read only after a worker was killed, so that no cache of the kernel has it. */
export const AFTER_KILL = 'after-kill.bin';

const SIZES: Readonly<Record<string, number>> = {
  'empty.bin': 0,
  'one-byte.bin': 1,
  'page-1.bin': 4 * KiB - 1,
  'page.bin': 4 * KiB,
  'page+1.bin': 4 * KiB + 1,
  'block-1.bin': BLOCK - 1,
  'block+1.bin': BLOCK + 1,
  'large.bin': 96 * MiB,
  [AFTER_KILL]: 48 * MiB,
  'in a directory/价格 📈.bin': 300 * KiB,
};

/** Writes them below `dir`. */
export function writeNasFiles(dir: string): NasFiles {
  const files = new Map<string, { sha256: string }>();
  for (const [name, size] of Object.entries(SIZES)) {
    const content = generated(name, size);
    const path = join(dir, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, '');
    for (const chunk of chunksOf(content)) writeFileSync(path, chunk, { flag: 'a' });
    files.set(name, { sha256: content.sha256() });
  }
  return files;
}
