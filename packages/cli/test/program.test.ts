import { RELEASE } from '@tidecache/protocol';
import type { Command } from 'commander';
import { t } from 'tap';
import { VERBS } from '../src/commands/index.js';
import { keyRow } from '../src/config/schema.js';
import { createProgram } from '../src/program.js';
import { invoke } from './testing.js';

t.test('help of each verb names each flag, with its variable and default, and gives examples', async (t) => {
  for (const verb of VERBS) {
    const { status, stdout, stderr } = await invoke([...verb.name.split(' '), '--help']);
    t.equal(status, 0, verb.name);
    t.equal(stderr, '', 'help that was asked for goes to stdout');
    const words = stdout.replace(/\s+/g, ' ');
    for (const key of verb.keys) {
      const row = keyRow(key);
      t.ok(words.includes(row.flag), `${verb.name}: ${row.flag}`);
      t.ok(words.includes(row.env), `${verb.name}: ${row.env}`);
      if (row.default) t.ok(words.includes(`${row.default} by default`), `${verb.name}: ${row.default}`);
    }
    for (const { flag } of verb.options ?? []) t.ok(words.includes(flag), `${verb.name}: ${flag}`);
    for (const { name } of verb.args) t.ok(words.includes(`<${name}>`), `${verb.name}: ${name}`);
    for (const flag of ['--json', '--config <FILE>', '--secret-file <FILE>', '--log-level <LEVEL>']) {
      t.ok(words.includes(flag), `${verb.name}: ${flag}`);
    }
    t.ok(verb.examples.length > 0, `${verb.name} has examples`);
    for (const example of verb.examples) t.ok(stdout.includes(example), example);
  }
});

t.test('the examples parse', async (t) => {
  for (const verb of VERBS) {
    for (const example of verb.examples) {
      const words = example.split(/\s+(?:#|\|)/)[0]!.split(' ');
      const argv = words.slice(words.indexOf('tidecache') + 1);
      let ran = '';
      const program = createProgram({ stdout: () => {}, stderr: (text) => t.fail(text) }, async (chosen) => {
        ran = chosen.name;
      });
      await program.parseAsync(argv, { from: 'user' });
      t.equal(ran, verb.name, example);
    }
  }
});

t.test('no two flags of a verb have one name', async (t) => {
  const program = createProgram({ stdout: () => {}, stderr: () => {} }, async () => {});
  const visit = (command: Command) => {
    const names = command.options.map((option) => option.attributeName());
    t.equal(new Set(names).size, names.length, command.name());
    command.commands.forEach(visit);
  };
  visit(program);
});

t.test('help and version of the whole', async (t) => {
  const help = await invoke(['--help']);
  t.equal(help.status, 0);
  for (const word of ['up', 'master', 'worker', 'mount', 'dataset', 'status', 'Exit status']) {
    t.ok(help.stdout.includes(word), word);
  }
  t.same(await invoke(['--version']), { status: 0, stdout: `${RELEASE}\n`, stderr: '' });
});

t.test('wrong use is status 2 and one line that helps', async (t) => {
  const cases: [string[], RegExp][] = [
    [['statsu'], /^error: unknown command 'statsu' \(Did you mean status\?\)\n$/],
    [['dataset', 'sho', '/x'], /^error: unknown command 'sho' \(Did you mean show\?\)\n$/],
    [['up', '--worker', '2'], /^error: unknown option '--worker' \(Did you mean --workers\?\)\n$/],
    [['mount'], /^error: missing required argument 'DIR'\n$/],
    [['dataset', 'add', '/x'], /^error: missing required argument 'URI'\n$/],
    [['status', 'now'], /^error: too many arguments/],
    [['worker', '--memory'], /^error: option '--memory <SIZE>' argument missing\n$/],
    [['up', '--secret', 'hunter2hunter2hunter2'], /^error: unknown option '--secret'/],
    [['worker', '--memory', 'lots'], /^error: --memory: .*lots.*\n$/],
    [
      ['status', '--config', '/nowhere/at/all.yaml'],
      /^error: cannot read the configuration file \/nowhere\/at\/all/,
    ],
  ];
  for (const [argv, message] of cases) {
    const { status, stdout, stderr } = await invoke(argv);
    t.equal(status, 2, argv.join(' '));
    t.equal(stdout, '');
    t.match(stderr, message);
    t.equal(stderr.trimEnd().split('\n').length, 1, 'one line');
  }
});

t.test('no verb: the help, and status 2', async (t) => {
  const { status, stderr } = await invoke([]);
  t.equal(status, 2);
  t.match(stderr, /Usage: tidecache/);
});
