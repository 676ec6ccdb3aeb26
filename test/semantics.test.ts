/** Runs every example of docs/SEMANTICS.md against a real mount: the page is the test. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { t } from 'tap';
import { Cluster, Scratch, whyNoMount } from './lab/index.js';

interface Example {
  readonly where: 'origin' | 'mount' | 'xattrs';
  readonly command: string;
  readonly expected: string;
}

const page = readFileSync(new URL('../../docs/SEMANTICS.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/```console\n([\s\S]*?)```/g)].flatMap(([, block]) => parse(block!));

t.ok(examples.length >= 20, 'the page has its examples');
t.test('docs/SEMANTICS.md', { skip: whyNoMount() ?? false, timeout: 120_000 }, async (t) => {
  const scratch = new Scratch('semantics');
  t.teardown(() => scratch.clean());
  const origin = scratch.path('origin');
  mkdirSync(origin);
  const cluster = await Cluster.start(scratch, { workers: 2, memory: '64MiB' });
  await cluster.addDataset('/data', `nas://${origin}`, '--metadata', 'always');
  const { dir } = await cluster.mount();
  const withXattrs = await cluster.mount('kernel', scratch.path('xattrs'), '--xattrs');
  const folders = { origin, mount: join(dir, 'data'), xattrs: join(withXattrs.dir, 'data') };
  for (const { where, command, expected } of examples) {
    t.equal(await shell(command, folders[where]), expected, `${where}$ ${command}`);
  }
});

/** What a shell in `cwd` prints, on both streams. */
function shell(command: string, cwd: string): Promise<string> {
  const options = { cwd, env: { ...process.env, LC_ALL: 'C.UTF-8' } };
  return new Promise((resolve) => {
    execFile('bash', ['-c', `exec 2>&1; ${command}`], options, (_error, stdout) => resolve(stdout.trimEnd()));
  });
}

function parse(block: string): Example[] {
  const found: Example[] = [];
  for (const part of block.split(/^(?=(?:origin|mount|xattrs)\$ )/m)) {
    const [first, ...rest] = part.split('\n');
    const [, where, command] = /^(origin|mount|xattrs)\$ (.*)$/.exec(first!)!;
    found.push({ where: where as Example['where'], command: command!, expected: rest.join('\n').trimEnd() });
  }
  return found;
}
