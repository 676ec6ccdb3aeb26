/** The floor: our own FUSE transport in a process that answers from memory, without a network. */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Scratch, Service } from '@tidecache/test';
import type { TreeShape } from './walking.js';

/** Resolves to the path of its one file. */
export const mountNull = async (scratch: Scratch, sizeBytes: number): Promise<string> =>
  `${await mountFloor(scratch, 'null', [sizeBytes])}/data`;

/** Resolves to the root of a tree of that shape, for names alone. */
export const mountNullTree = (scratch: Scratch, shape: TreeShape): Promise<string> =>
  mountFloor(scratch, 'null-tree', [shape.dirs, shape.files]);

async function mountFloor(scratch: Scratch, name: string, args: readonly number[]): Promise<string> {
  const dir = scratch.path(name);
  mkdirSync(dir);
  const service = new Service({
    name,
    command: process.execPath,
    args: [fileURLToPath(new URL('./null-server.js', import.meta.url)), dir, ...args.map(String)],
    env: { UV_THREADPOOL_SIZE: '12' },
  });
  scratch.defer(name, () => service.stop());
  await service.line('ready line', (line) => (line === 'ready' ? true : undefined));
  return dir;
}
