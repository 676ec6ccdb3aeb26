/** The process behind {@link mountNull}: `null-server DIR SIZE`. */
import { mountFileSystem } from '@tidecache/fuse-client';
import { nullFileSystem } from '@tidecache/fuse-client/testing';

const [mountPoint, size] = process.argv.slice(2);
const mount = await mountFileSystem({
  fileSystem: nullFileSystem(Number(size)),
  mountPoint: mountPoint!,
  transport: 'kernel',
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void mount.unmount());
console.log('ready');
await mount.ended;
process.exit(0);
