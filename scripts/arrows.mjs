#!/usr/bin/env node
/**
 * Holds the code against the graph drawn in docs/ARCHITECTURE.md: a package may import only from those below it, and
 * no files import each other in a circle. Ends with status 1 and a line for each arrow that is wrong.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Who may import whom. A package that is not named here may import nothing of ours. */
const ALLOWED = {
  protocol: [],
  transport: ['protocol'],
  storage: ['protocol'],
  'shared-memory': ['protocol'],
  client: ['transport', 'storage', 'shared-memory', 'protocol'],
  worker: ['transport', 'storage', 'shared-memory', 'protocol'],
  master: ['transport', 'storage', 'protocol'],
  'fuse-client': ['client', 'protocol'],
  cli: ['master', 'worker', 'fuse-client', 'client', 'transport', 'storage', 'protocol'],
};

const wrong = [];
const graph = new Map();
for (const name of readdirSync(join(root, 'packages'))) {
  const source = join(root, 'packages', name, 'src');
  for (const file of typescriptFiles(source)) readFile(name, source, file);
}
for (const circle of circles(graph)) wrong.push(`circle: ${circle.map(short).join(' → ')}`);
for (const line of wrong) console.error(line);
if (wrong.length > 0) process.exit(1);
console.log(`arrows: ${graph.size} files, all pointing down`);

function readFile(name, source, file) {
  const targets = [];
  // Types too: an interface that points up is an arrow that points up.
  for (const [, specifier] of readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)) {
    if (specifier.startsWith('.')) {
      const target = normalize(join(dirname(file), specifier.replace(/\.js$/, '.ts')));
      if (target.startsWith(source)) targets.push(target);
      else wrong.push(`${short(file)} imports ${specifier}, outside its package's src`);
    } else if (specifier.startsWith('@tidecache/')) {
      const other = specifier.split('/')[1];
      if (!(ALLOWED[name] ?? []).includes(other))
        wrong.push(`${short(file)} imports ${specifier}: ${name} may not`);
    }
  }
  graph.set(file, targets);
}

function* typescriptFiles(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile() && entry.name.endsWith('.ts')) yield join(entry.parentPath ?? entry.path, entry.name);
  }
}

/** Every circle that a depth-first walk closes. */
function circles(edges) {
  const found = [];
  const done = new Set();
  const walk = (node, path) => {
    const at = path.indexOf(node);
    if (at >= 0) return void found.push([...path.slice(at), node]);
    if (done.has(node)) return;
    for (const next of edges.get(node) ?? []) walk(next, [...path, node]);
    done.add(node);
  };
  for (const node of edges.keys()) walk(node, []);
  return found;
}

function short(file) {
  return relative(root, file);
}
