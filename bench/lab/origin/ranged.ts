/** Runs the plain peer, `ranged-gets`, in a process of its own. */
import { fileURLToPath } from 'node:url';
import { run } from '@tidecache/test';
import { type BenchOrigin, BUCKET } from './start.js';

const RANGED_GETS = fileURLToPath(new URL('./ranged-gets.js', import.meta.url));
const DEADLINE_MS = 300_000;

export interface RangedGets {
  /** Of the object, from its start. */
  readonly size: number;
  readonly blockBytes: number;
  readonly atOnce: number;
}

/** Resolves to the seconds from the first request to the last byte. */
export async function rangedGets(origin: BenchOrigin, key: string, what: RangedGets): Promise<number> {
  const { size, blockBytes, atOnce } = what;
  const args = [`${origin.endpoint}/${BUCKET}/${key}`, size, blockBytes, atOnce].map(String);
  return Number(await run(process.execPath, [RANGED_GETS, ...args], { deadlineMs: DEADLINE_MS }));
}
