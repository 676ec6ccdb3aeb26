/** The configuration file: YAML, flattened to dotted keys, each with its line. */
import { readFileSync, statSync } from 'node:fs';
import { isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import { UsageError } from '../errors.js';
import { MAX_CONFIG_BYTES } from '../limits.js';
import { didYouMean } from './nearest.js';
import { type ConfigKey, KEYS } from './schema.js';
import type { Written } from './source.js';

const NAMES: readonly string[] = KEYS.map((row) => row.key);
const SECTIONS = new Set(NAMES.filter((name) => name.includes('.')).map((name) => name.split('.')[0]));

/** Reads `path`. Throws {@link UsageError} naming the path, the line and the key. */
export function readConfigFile(path: string): Map<ConfigKey, Written> {
  return parseConfigFile(readText(path), path);
}

function readText(path: string): string {
  try {
    const facts = statSync(path);
    if (facts.isDirectory()) throw new Error('it is a directory');
    if (facts.size > MAX_CONFIG_BYTES) throw new Error(`it has over ${MAX_CONFIG_BYTES} bytes`);
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const reason = missing ? 'there is no such file' : (cause as Error).message;
    throw new UsageError(
      `cannot read the configuration file ${path}: ${reason} (check --config or TIDECACHE_CONFIG)`,
      { cause },
    );
  }
}

/** `path` is only for messages. */
export function parseConfigFile(yaml: string, path: string): Map<ConfigKey, Written> {
  const lines = new LineCounter();
  const document = parseDocument(yaml, { lineCounter: lines, prettyErrors: false });
  const broken = document.errors[0];
  if (broken) {
    const { line } = lines.linePos(broken.pos[0]);
    throw new UsageError(`${path}:${line}: not YAML: ${broken.message}`, { cause: broken });
  }
  const written = new Map<ConfigKey, Written>();
  const root = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) return written;
  if (!isMap(root))
    throw new UsageError(`${path}:1: not a configuration: it must hold lines of 'key: value'`);
  collect(root, '');
  return written;

  function collect(map: Node, prefix: string): void {
    if (!isMap(map)) return;
    for (const pair of map.items) {
      const keyNode = pair.key as Node;
      const name = prefix + String(isScalar(keyNode) ? keyNode.value : keyNode);
      const line = lines.linePos(keyNode.range?.[0] ?? 0).line;
      const value = pair.value as Node | null;
      const empty = value === null || (isScalar(value) && value.value === null);
      if (!prefix && SECTIONS.has(name)) {
        if (empty) continue;
        if (!isMap(value))
          throw new UsageError(`${path}:${line}: ${name} is a section: put its keys below it`);
        collect(value, `${name}.`);
      } else if (!prefix && name.includes('.') && NAMES.includes(name)) {
        const [section, last] = name.split('.');
        throw new UsageError(
          `${path}:${line}: ${name}: write it as two lines, '${section}:' and '  ${last}: …'`,
        );
      } else if (!NAMES.includes(name)) {
        throw new UsageError(`${path}:${line}: unknown key ${name}${hint(name)}`);
      } else {
        const key = name as ConfigKey;
        if (empty) throw new UsageError(`${path}:${line}: ${name} has no value`);
        written.set(key, { value: value.toJS(document), source: { kind: 'file', path, line, key } });
      }
    }
  }
}

function hint(name: string): string {
  if (name === 'secret')
    return ' (a secret is not kept here: put it in a file of mode 0600 and give secretFile)';
  // A key in the wrong section is the commonest slip: `memory` for `worker.memory`.
  const last = name.split('.').at(-1);
  const elsewhere = NAMES.find((known) => known.split('.').at(-1) === last);
  return elsewhere ? `; did you mean ${elsewhere}?` : didYouMean(name, [...NAMES, ...SECTIONS].map(String));
}
