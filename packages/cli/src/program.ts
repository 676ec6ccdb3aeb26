/** The command line: a table of verbs, read with commander, configured, run, and turned into an exit status. */
import { asTidecacheError, RELEASE } from '@tidecache/protocol';
import { Command, CommanderError } from 'commander';
import { VERBS } from './commands/index.js';
import type { Env } from './config/env.js';
import { loadConfig } from './config/load.js';
import { type ConfigKey, keyRow } from './config/schema.js';
import { createLogger } from './logger.js';
import { DONE, exitStatusOf, formatError, WRONG_USE } from './output.js';
import type { Report } from './report.js';
import type { Call, Verb } from './verb.js';

/** What the program needs of its process. */
export interface Io {
  /** Without the interpreter and the script. */
  readonly argv: readonly string[];
  readonly env: Env;
  /** Whether stderr is a terminal. */
  readonly isTerminal: boolean;
  /** Tells the supervisor; absent where there is none. */
  readonly report?: (message: Report) => Promise<void>;
  stdout(text: string): void;
  stderr(text: string): void;
}

/** Keys that every verb takes. */
const COMMON_KEYS: readonly ConfigKey[] = ['secretFile', 'logLevel', 'logFormat'];

/** Runs one command line. Resolves to the exit status; never rejects. */
export async function run(io: Io): Promise<number> {
  // A guess, for errors on the way to the configuration.
  let debug = [...io.argv, io.env.TIDECACHE_LOG_LEVEL].some((word) =>
    /^(--log-level=)?debug$/.test(word ?? ''),
  );
  try {
    const program = createProgram(io, async (verb, command) => {
      const call = createCall(io, verb, command);
      debug = call.config.logLevel === 'debug' || call.config.logLevel === 'trace';
      await verb.run(call);
    });
    await program.parseAsync(io.argv, { from: 'user' });
    return DONE;
  } catch (thrown) {
    // Commander has said what is wrong, or printed its help, by itself.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? DONE : WRONG_USE;
    // A supervised process tells its supervisor, which prints.
    if (io.report) await io.report({ type: 'failed', message: asTidecacheError(thrown).message });
    else io.stderr(`${formatError(thrown, debug)}\n`);
    return exitStatusOf(thrown);
  }
}

type Action = (verb: Verb, command: Command) => Promise<void>;

/** The program, not yet parsed: for `run`, and for tests of its help. */
export function createProgram(io: Pick<Io, 'stdout' | 'stderr'>, action: Action): Command {
  const program = configure(new Command('tidecache'), io)
    .description('A distributed memory cache for object storage and NAS, mounted as a POSIX path')
    .version(RELEASE, '-V, --version', 'print the release');
  for (const verb of VERBS) addVerb(program, verb, io, action);
  program.addHelpText(
    'after',
    '\nExit status: 0 done, 1 failed, 2 wrong use, 3 a condition not met in time.',
  );
  return program;
}

function addVerb(program: Command, verb: Verb, io: Pick<Io, 'stdout' | 'stderr'>, action: Action): void {
  const words = verb.name.split(' ');
  const last = words.pop() ?? verb.name;
  let parent = program;
  for (const word of words) {
    const group = parent.commands.find((command) => command.name() === word);
    parent = group ?? configure(parent.command(word), io).description(`commands on ${word}s`);
  }
  const command = configure(parent.command(last), io).description(verb.summary);
  for (const { name, help } of verb.args) command.argument(`<${name}>`, help);
  for (const { flag, help } of verb.options ?? []) command.option(flag, help);
  for (const key of [...verb.keys, ...COMMON_KEYS]) {
    const row = keyRow(key);
    const fallback = row.default === undefined ? '' : `; ${row.default} by default`;
    command.option(row.flag, `${row.help} (${row.env}${fallback})`);
  }
  command.option('--config <FILE>', 'a configuration file in YAML (TIDECACHE_CONFIG)');
  command.option('--json', 'answer in JSON');
  const examples = verb.examples.map((example) => `  ${example}`).join('\n');
  command.addHelpText('after', `\nExamples:\n${examples}`);
  command.action(async () => action(verb, command));
}

function configure(command: Command, io: Pick<Io, 'stdout' | 'stderr'>): Command {
  return command.exitOverride().configureOutput({
    writeOut: io.stdout,
    writeErr: io.stderr,
    // One line, as all errors.
    outputError: (text, write) => write(`${text.trim().replace(/\s*\n\s*/g, ' ')}\n`),
  });
}

function createCall(io: Io, verb: Verb, command: Command): Call {
  const options = command.opts<Record<string, string | boolean | undefined>>();
  const flags = new Map<ConfigKey, string>();
  for (const key of [...verb.keys, ...COMMON_KEYS]) {
    const value = options[attributeOf(keyRow(key).flag)];
    if (value !== undefined) flags.set(key, String(value));
  }
  const configFile = options.config as string | undefined;
  const loaded = loadConfig({ flags, configFile, env: io.env });
  return {
    config: loaded.config,
    loaded,
    args: command.args,
    options,
    json: options.json === true,
    report: io.report ?? (async () => {}),
    env: io.env,
    print: (text) => io.stdout(`${text}\n`),
    logger: (name) => createLogger(loaded.config, name, io.isTerminal),
  };
}

/** `--unix-socket <PATH>` → `unixSocket`, as commander names it. */
function attributeOf(flag: string): string {
  const name = flag.split(' ')[0]?.slice(2) ?? '';
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
