import { t } from 'tap';
import { parseConfigFile } from '../../src/config/file.js';

t.test('keys of all sections, each with its line', async (t) => {
  const written = parseConfigFile(
    '# comment\ndataDir: /d\nworker:\n\n  memory: 64MiB\nmaster: {listen: "h:1"}\n',
    'c.yaml',
  );
  t.match(written.get('dataDir'), { value: '/d', source: { kind: 'file', path: 'c.yaml', line: 2 } });
  t.match(written.get('worker.memory'), { value: '64MiB', source: { line: 5 } });
  t.match(written.get('master.listen'), { value: 'h:1', source: { line: 6 } });
  t.equal(written.size, 3);
});

t.test('nothing written is fine', async (t) => {
  for (const nothing of ['', '# only a comment\n', '---\n', 'null', 'worker:\n', 'worker: {}\n']) {
    t.equal(parseConfigFile(nothing, 'c.yaml').size, 0, JSON.stringify(nothing));
  }
});

t.test('what is wrong is told with its line', async (t) => {
  const cases: [string, RegExp][] = [
    [
      'dataDir: a\nworker:\n  memroy: 1\n',
      /^c\.yaml:3: unknown key worker\.memroy; did you mean worker\.memory\?/,
    ],
    ['memory: 1GiB\n', /^c\.yaml:1: unknown key memory; did you mean worker\.memory\?/],
    ['datadir: x', /unknown key datadir; did you mean dataDir\?/],
    ['wroker: {memory: 1}', /unknown key wroker; did you mean worker\?/],
    ['zzzzzzzz: 1', /^c\.yaml:1: unknown key zzzzzzzz$/],
    ['secret: abc', /unknown key secret \(a secret is not kept here.*secretFile/],
    ['worker: 5', /^c\.yaml:1: worker is a section/],
    ['worker: [1]', /^c\.yaml:1: worker is a section/],
    ['\ndataDir:\n', /^c\.yaml:2: dataDir has no value/],
    ['- a\n- b\n', /^c\.yaml:1: not a configuration/],
    ['just words', /^c\.yaml:1: not a configuration/],
    ['a: [1\nb: }', /^c\.yaml:\d: not YAML: /],
    ['dataDir: a\ndataDir: b\n', /^c\.yaml:2: not YAML: .*unique/],
    ['? [1, 2]\n: 3\n', /^c\.yaml:1: unknown key/],
    ['worker.memory: 1GiB\n', /^c\.yaml:1: worker\.memory: write it as two lines/],
  ];
  for (const [yaml, message] of cases) {
    t.throws(() => parseConfigFile(yaml, 'c.yaml'), { name: 'UsageError', message }, yaml);
  }
});
