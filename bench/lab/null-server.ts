/** The process behind `null-mount.ts`: `null-server DIR SIZE` has one file, `null-server DIR DIRS FILES` a tree. */
import { mountFileSystem } from '@tidecache/fuse-client';
import { memoryFileSystem, nullFileSystem, type Tree } from '@tidecache/fuse-client/testing';
import { dirName, fileName } from './origin/spec.js';

const [mountPoint, size, files] = process.argv.slice(2);
const mount = await mountFileSystem({
  fileSystem:
    files === undefined
      ? nullFileSystem(Number(size))
      : memoryFileSystem(treeOf(Number(size), Number(files))),
  mountPoint: mountPoint!,
  transport: 'kernel',
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void mount.unmount());
console.log('ready');
await mount.ended;
process.exit(0);

function treeOf(dirs: number, count: number): Tree {
  const folder = Object.fromEntries(Array.from({ length: count }, (_, i) => [fileName(i), 1]));
  return Object.fromEntries(Array.from({ length: dirs }, (_, i) => [dirName(i), folder]));
}
