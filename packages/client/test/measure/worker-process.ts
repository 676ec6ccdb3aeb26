/** A worker in a process of its own, for measure/reads.ts: prints its member record, ends with its parent. */
import { startMemoryWorker } from '../doubles/memory-worker.js';

const [id, unixPath] = process.argv.slice(2);
const worker = await startMemoryWorker({
  id: id!,
  secret: 'measure',
  content: false,
  ...(unixPath && { unixPath }),
});
process.stdout.write(`${JSON.stringify(worker.member)}\n`);
process.stdin.on('end', () => process.exit(0)).resume();
