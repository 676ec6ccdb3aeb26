/** A dataset that is added or removed shows in running mounts within a second. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { t } from 'tap';
import { Cluster, Scratch, whyNoFuseNative, whyNoMount } from './lab/index.js';

const SECOND_MS = 1000;

t.test('datasets in running mounts', { skip: whyNoMount() ?? false, timeout: 120_000 }, async (t) => {
  const scratch = new Scratch('datasets');
  t.teardown(() => scratch.clean());
  for (const name of ['one', 'two']) {
    mkdirSync(scratch.path(name));
    writeFileSync(scratch.path(name, 'file'), name);
  }
  const cluster = await Cluster.start(scratch, { workers: 1, memory: '64MiB' });
  const mounts = [await cluster.mount('kernel'), await cluster.mount('kernel')];
  if (!whyNoFuseNative()) mounts.push(await cluster.mount('fuse-native'));

  for (const { dir } of mounts) t.same(await readdir(dir), [], 'a tree without datasets is empty');
  await cluster.addDataset('/a/one', `nas://${scratch.path('one')}`);
  for (const { dir } of mounts) {
    await within(
      t,
      SECOND_MS,
      'added',
      async () => (await readFile(join(dir, 'a/one/file'), 'utf8')) === 'one',
    );
    t.same(await readdir(dir), ['a']);
  }
  await cluster.addDataset('/a/two', `nas://${scratch.path('two')}`);
  for (const { dir } of mounts) {
    await within(t, SECOND_MS, 'a second one', async () => (await readdir(join(dir, 'a'))).length === 2);
  }
  await cluster.cli('dataset', 'rm', '/a/one');
  for (const { dir } of mounts) {
    await within(t, SECOND_MS, 'removed', async () => !(await readdir(join(dir, 'a'))).includes('one'));
    await t.rejects(readFile(join(dir, 'a/one/file')), { code: 'ENOENT' });
    t.equal(await readFile(join(dir, 'a/two/file'), 'utf8'), 'two', 'the other one stays');
  }
  await t.rejects(cluster.addDataset('/a/two/below', `nas://${scratch.path('one')}`), 'datasets do not nest');
  await t.rejects(
    cluster.addDataset('/gone', `nas://${scratch.path('absent')}`),
    /absent/,
    'no such directory',
  );
  const left = (await cluster.cli('dataset', 'ls', '--json')).trim().split('\n');
  t.same(
    left.map((line) => (JSON.parse(line) as { path: string }).path),
    ['/a/two'],
    'nothing half-made',
  );
});

/** Asks again and again until it holds: what is promised is the time, so that is the limit. */
async function within(
  t: Asserting,
  limitMs: number,
  what: string,
  holds: () => Promise<boolean>,
): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    if (await holds().catch(() => false)) return void t.pass(what);
    if (performance.now() - startedAt > limitMs) return void t.fail(`${what}: not within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

interface Asserting {
  pass(what: string): unknown;
  fail(what: string): unknown;
}
