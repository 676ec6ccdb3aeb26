#!/usr/bin/env node
/**
 * Everything that a reviewer would check: lint and format, import direction, then every test, with one closing line
 * `N passed, N failed, N skipped`. Arguments name compiled test files; without any, all are run.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const count = { passed: 0, failed: 0, skipped: 0 };

for (const [what, command, args] of [
  ['lint and format', 'node_modules/.bin/biome', ['ci', '--colors=off', '.']],
  ['import direction', process.execPath, ['scripts/arrows.mjs']],
]) {
  const ok = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
  count[ok ? 'passed' : 'failed']++;
  console.log(`${ok ? 'ok' : 'not ok'} - ${what}`);
}

const named = process.argv.slice(2);
const status = await runTap(named.length > 0 ? named : testFiles());
if (status !== 0 && count.failed === 0) count.failed = 1; // tap itself broke: no run may look green then
console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exitCode = count.failed === 0 ? 0 : 1;

/** Every compiled test whose source is still there: a test that was removed leaves its JavaScript behind. */
function testFiles() {
  const folders = [...readdirSync('packages').map((name) => `packages/${name}`), 'bench'];
  const roots = [...folders.map((folder) => [folder, 'test']), ['test', '.']];
  return roots.flatMap(([folder, tests]) => {
    const compiled = join(folder, 'dist', tests);
    if (!existsSync(compiled)) return [];
    return readdirSync(compiled, { recursive: true })
      .filter((file) => file.endsWith('.test.js'))
      .filter((file) => existsSync(join(folder, tests, file.replace(/\.js$/, '.ts'))))
      .map((file) => join(compiled, file));
  });
}

/** Shows one line a file, all of a file that failed, and counts the assertions themselves. */
async function runTap(files) {
  const tap = spawn('node_modules/.bin/tap', ['run', '-R', 'tap', ...files], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => tap.on('close', (code) => resolve(code ?? 1)));
  let lines = [];
  let deepest = 0; // of the results since the last one at this depth: a deeper one means this closes a subtest
  for await (const line of createInterface({ input: tap.stdout })) {
    const result = /^( *)(not )?ok \d+(?:.* # (SKIP|TODO))?/i.exec(line);
    if (!result) {
      lines.push(line);
      continue;
    }
    const [, indent, not, skip] = result;
    const closesSubtest = deepest > indent.length;
    if (!closesSubtest) count[skip ? 'skipped' : not ? 'failed' : 'passed']++;
    deepest = indent.length;
    if (skip) console.log(line.trim());
    if (indent.length > 0) {
      lines.push(line);
      continue;
    }
    if (not) {
      if (closesSubtest && !lines.some((l) => /^ +not ok/.test(l))) count.failed++; // died, timed out, or leaked
      console.log(lines.join('\n'));
    }
    console.log(line);
    lines = [];
  }
  return ended;
}
