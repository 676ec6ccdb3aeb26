/** A worker's side in a process of its own: makes memory, writes `hello` at byte 5000 of slab 1, and waits. */
import { MiB } from '@tidecache/protocol';
import { createSharedMemory } from '../src/index.js';

const [dir, socketPath] = process.argv.slice(2);
const memory = await createSharedMemory({ dir: dir!, socketPath: socketPath!, capacityBytes: 64 * MiB });
memory.back(1, 0, 4 * MiB);
memory.slabs[1]!.set(Buffer.from('hello'), 5000);
console.log(JSON.stringify(memory.description));
process.stdin.on('data', (text) => memory.slabs[1]!.set(text, 5000)).on('end', () => process.exit(0));
