import type { FileHandle } from 'node:fs/promises';
import { t } from 'tap';
import { MAX_OPEN_FILES, OPEN_FILE_IDLE_MS } from '../../src/limits.js';
import { OpenFiles } from '../../src/nas/open-files.js';

/** Handles that count. */
const world = () => {
  let nowMs = 0;
  const closed: string[] = [];
  const opened: string[] = [];
  const files = new OpenFiles(() => nowMs);
  const open = (id: string) => async () => {
    opened.push(id);
    return {
      close: async () => {
        closed.push(id);
      },
    } as unknown as FileHandle;
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { files, open, opened, closed, settled, pass: (ms: number) => (nowMs += ms) };
};

t.test('one open for many readers, and the next', async (t) => {
  const { files, open, opened, closed, settled } = world();
  const leases = await Promise.all([1, 2, 3].map(() => files.lease('a', open('a'))));
  t.same(
    leases.map((lease) => lease.reused),
    [false, true, true],
  );
  for (const lease of leases) lease.release();
  (await files.lease('a', open('a'))).release();
  t.same(opened, ['a']);
  await files.close();
  await settled();
  t.same(closed, ['a']);
});

t.test('a retired one closes after its last user', async (t) => {
  const { files, open, opened, closed, settled } = world();
  const one = await files.lease('a', open('a'));
  const two = await files.lease('a', open('a'));
  one.retire();
  one.release();
  await settled();
  t.same(closed, []);
  (await files.lease('a', open('a'))).release();
  t.same(opened, ['a', 'a'], 'who comes later gets another');
  two.release();
  await settled();
  t.same(closed, ['a']);
  await files.close();
});

t.test('the least recently used goes, never one in use', async (t) => {
  const { files, open, closed, settled } = world();
  const held = await files.lease('held', open('held'));
  (await files.lease('old', open('old'))).release();
  (await files.lease('warm', open('warm'))).release();
  for (let i = 0; i < MAX_OPEN_FILES - 3; i++) (await files.lease(`${i}`, open(`${i}`))).release();
  (await files.lease('warm', open('warm'))).release();
  (await files.lease('one more', open('one more'))).release();
  await settled();
  t.same(closed, ['old']);
  held.release();
  await files.close();
});

t.test('an idle one is closed', async (t) => {
  const { files, open, closed, settled, pass } = world();
  (await files.lease('a', open('a'))).release();
  const used = await files.lease('b', open('b'));
  pass(OPEN_FILE_IDLE_MS);
  files.sweep();
  await settled();
  t.same(closed, ['a']);
  used.release();
  await files.close();
});

t.test('a failed open is not kept', async (t) => {
  const { files, open, opened } = world();
  await t.rejects(files.lease('a', () => Promise.reject(new Error('no'))));
  (await files.lease('a', open('a'))).release();
  t.same(opened, ['a']);
  await files.close();
});
