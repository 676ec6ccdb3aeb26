import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory of a test's own, gone when the test ends. */
export function tempDir(t: { teardown(run: () => void): void }): string {
  const dir = mkdtempSync(join(tmpdir(), 'tidecache-master-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
