/** How far the kernel reads ahead on one mount: as a root's mount raises it, or as a container has to leave it. */
import { readFile, stat, writeFile } from 'node:fs/promises';

/** What the kernel starts with. */
export const DEFAULT_READ_AHEAD_KIB = 128;

const pathOf = async (mountPoint: string): Promise<string> => {
  const { dev } = await stat(mountPoint);
  // Linux's encoding of device numbers: 8 low bits of the minor, 12 of the major, the rest of the minor.
  const major = (dev >> 8) & 0xfff;
  const minor = (dev & 0xff) | ((dev >> 12) & 0xfff00);
  return `/sys/class/bdi/${major}:${minor}/read_ahead_kb`;
};

export const readAheadKiB = async (mountPoint: string): Promise<number> =>
  Number(await readFile(await pathOf(mountPoint), 'utf8'));

/** Holds for files that are opened from now on. */
export const setReadAhead = async (mountPoint: string, kib: number): Promise<void> =>
  writeFile(await pathOf(mountPoint), String(kib));
