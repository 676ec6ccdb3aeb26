/**
 * The readers' side of a race, in a process of its own: `prepare` makes everything ready and returns what starts it.
 * On standard input come lines of JSON, a task, and `go`; back go `ready` and the result. All readers of a race are
 * up and have their bytes to compare with before the first of them starts.
 */
import { createInterface } from 'node:readline';

export type Prepare<Task, Result> = (task: Task) => Promise<() => Promise<Result>>;

export async function serveRaces<Task, Result>(prepare: Prepare<Task, Result>): Promise<void> {
  console.log('up');
  let start: (() => Promise<Result>) | undefined;
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      if (line !== 'go') {
        start = await prepare(JSON.parse(line));
        console.log('ready');
      } else if (start) console.log(`result ${JSON.stringify(await start())}`);
    } catch (thrown) {
      console.log(`failed ${(thrown as Error).message}`);
    }
  }
}
