/** Bytes through a real mount equal the origin's, for sizes around every boundary, on both transports. */
process.env.UV_THREADPOOL_SIZE = '20'; // 16 readers at once, before the pool is first used

import { execFile } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DEFAULT_BLOCK_BYTES } from '@tidecache/protocol';
import { t } from 'tap';
import {
  Cluster,
  chunksOf,
  dropPageCache,
  generated,
  Scratch,
  whyNoFuseNative,
  whyNoMount,
} from './lab/index.js';
import { seededRandom } from './lab/random.js';

const run = promisify(execFile);
const READERS = 16;
const SIZES = [0, 1, 4095, 4096, 4097, DEFAULT_BLOCK_BYTES - 1, DEFAULT_BLOCK_BYTES, DEFAULT_BLOCK_BYTES + 1];
const LARGE_BYTES = 1 << 30;

const skip = whyNoMount();
t.test('reads through a mount', { skip: skip ?? false, timeout: 170_000 }, async (t) => {
  const scratch = new Scratch('reads');
  t.teardown(() => scratch.clean());
  const nas = scratch.path('nas');
  mkdirSync(nas);
  for (const size of SIZES) writeFileSync(join(nas, `${size}`), generated(`${size}`, size).read(0, size));
  const large = generated('large', LARGE_BYTES);
  await writeFile(join(nas, 'large'), chunksOf(large));

  const cluster = await Cluster.start(scratch, { workers: 3, memory: '512MiB' });
  await cluster.addDataset('/data', `nas://${nas}`, '--read-only', '--metadata', 'once');

  for (const transport of ['kernel', 'fuse-native'] as const) {
    const why = transport === 'fuse-native' ? whyNoFuseNative() : undefined;
    await t.test(transport, { skip: why ?? false }, async (t) => {
      const { dir, unmount } = await cluster.mount(transport);
      const data = join(dir, 'data');
      const forget = () => Promise.all(SIZES.map((size) => dropPageCache(join(data, `${size}`))));

      await t.test('whole files', async (t) => {
        t.same((await readdir(data)).sort(), [...SIZES.map(String), 'large'].sort(), 'names');
        for (const size of SIZES) {
          const bytes = await readFile(join(data, `${size}`));
          t.equal(bytes.length, size, `${size}: length`);
          t.ok(bytes.equals(generated(`${size}`, size).read(0, size)), `${size}: bytes`);
          t.equal(statSync(join(data, `${size}`)).size, size, `${size}: stat`);
        }
      });

      await t.test('random ranges, 16 readers at once, page cache dropped', async (t) => {
        await forget();
        const wrong: string[] = [];
        await Promise.all(Array.from({ length: READERS }, (_, i) => randomReads(i, data, large, wrong)));
        t.same(wrong, []);
      });

      await t.test('1 GiB by 16 readers at once, page cache dropped', async (t) => {
        await dropPageCache(join(data, 'large'));
        const compare = () => run('cmp', [join(data, 'large'), join(nas, 'large')]);
        await t.resolves(Promise.all(Array.from({ length: READERS }, compare)));
      });

      t.equal(await unmount(), 0, 'the mount ends with status 0');
    });
  }
});

async function randomReads(seed: number, dir: string, large: ReturnType<typeof generated>, wrong: string[]) {
  const random = seededRandom(seed);
  const handles = new Map<string, FileHandle>();
  try {
    for (let i = 0; i < 60; i++) {
      const pick = Math.floor(random() * (SIZES.length + 1));
      const size = SIZES[pick];
      const name = size === undefined ? 'large' : `${size}`;
      const content = size === undefined ? large : generated(name, size);
      const offset = Math.floor(random() * (content.size + 10));
      const length = 1 + Math.floor(random() ** 3 * (2 << 20));
      const handle = handles.get(name) ?? (await open(join(dir, name)));
      handles.set(name, handle);
      const buffer = Buffer.alloc(length);
      const { bytesRead } = await handle.read(buffer, 0, length, offset);
      const expected = content.read(Math.min(offset, content.size), length);
      if (!buffer.subarray(0, bytesRead).equals(expected)) {
        wrong.push(`seed ${seed}: ${name} at ${offset}, ${length} bytes: got ${bytesRead}`);
      }
    }
  } finally {
    for (const handle of handles.values()) await handle.close();
  }
}
