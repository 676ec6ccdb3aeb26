/** The mount table of this process: /proc/self/mountinfo (see proc_pid_mountinfo(5)). */
import { readFile } from 'node:fs/promises';

export interface MountEntry {
  /** MAJOR:MINOR of the file system's device. */
  readonly device: string;
  readonly mountPoint: string;
  readonly type: string;
  readonly source: string;
}

/** Parses the table's text; lines that don't look as documented are skipped. */
export function parseMountinfo(text: string): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split('\n')) {
    const [before, after] = line.split(' - ', 2);
    const left = before?.split(' ') ?? [];
    const right = after?.split(' ') ?? [];
    if (left.length < 6 || right.length < 2) continue;
    entries.push({
      device: left[2]!,
      mountPoint: unescapeOctal(left[4]!),
      type: right[0]!,
      source: unescapeOctal(right[1]!),
    });
  }
  return entries;
}

/** Space, tab, newline and backslash are written as `\040` and so on; bytes of UTF-8 stay. */
const unescapeOctal = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

/** What is mounted at `mountPoint` now; the topmost where mounts are stacked. Elsewhere than on Linux: unknown. */
export async function findMount(mountPoint: string): Promise<MountEntry | undefined> {
  if (process.platform !== 'linux') return undefined;
  const entries = parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8'));
  return entries.findLast((entry) => entry.mountPoint === mountPoint);
}

/** The device mounted there, '' if none (or unknown). */
export const mountedDevice = async (mountPoint: string): Promise<string> =>
  (await findMount(mountPoint))?.device ?? '';
