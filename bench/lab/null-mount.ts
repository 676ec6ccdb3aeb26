/** The floor: our own FUSE transport in a process that answers every read from memory, without a network. */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Scratch, Service } from '@tidecache/test';

/** Resolves to the path of its one file. */
export async function mountNull(scratch: Scratch, sizeBytes: number): Promise<string> {
  const dir = scratch.path('null');
  mkdirSync(dir);
  const service = new Service({
    name: 'null mount',
    command: process.execPath,
    args: [fileURLToPath(new URL('./null-server.js', import.meta.url)), dir, String(sizeBytes)],
    env: { UV_THREADPOOL_SIZE: '12' },
  });
  scratch.defer('null mount', () => service.stop());
  await service.line('ready line', (line) => (line === 'ready' ? true : undefined));
  return `${dir}/data`;
}
