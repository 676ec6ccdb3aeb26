/** What a test or a demo made and must undo, in reverse order, also when it failed half-way. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class Scratch {
  readonly dir: string;
  readonly #undo: [string, () => unknown][] = [];
  #cleaning: Promise<void> | undefined;

  constructor(name: string, dir = mkdtempSync(join(tmpdir(), `tidecache-${name}-`))) {
    this.dir = dir;
    this.defer('scratch directory', () => rmSync(dir, { recursive: true, force: true }));
  }

  /** Runs `undo` at clean-up, before what was deferred earlier. */
  defer(what: string, undo: () => unknown): void {
    this.#undo.push([what, undo]);
  }

  path(...parts: string[]): string {
    return join(this.dir, ...parts);
  }

  /** Undoes everything, once; rejects with the first failure, after trying all. */
  clean(): Promise<void> {
    this.#cleaning ??= this.#clean();
    return this.#cleaning;
  }

  async #clean(): Promise<void> {
    let first: Error | undefined;
    for (const [what, undo] of this.#undo.reverse()) {
      try {
        await undo();
      } catch (thrown) {
        first ??= new Error(`clean-up of ${what}: ${(thrown as Error).message}`, { cause: thrown });
      }
    }
    if (first) throw first;
  }
}
