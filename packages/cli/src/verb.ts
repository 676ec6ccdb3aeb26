/** What a verb is to the program: a row of its table, and a function. */
import type { Env } from './config/env.js';
import type { Loaded } from './config/load.js';
import type { Config, ConfigKey } from './config/schema.js';
import type { Logger } from './logger.js';
import type { Report } from './report.js';

export interface Verb {
  /** As typed after `tidecache`: `dataset add`. */
  readonly name: string;
  readonly summary: string;
  readonly args: readonly Argument[];
  /** Configuration keys that it uses, and so takes as flags. */
  readonly keys: readonly ConfigKey[];
  /** What configures one call alone, not the installation. */
  readonly options?: readonly Option[];
  /** Whole command lines. */
  readonly examples: readonly string[];
  /** Resolves when done. Rejects with a TidecacheError. */
  run(call: Call): Promise<void>;
}

export interface Argument {
  readonly name: string;
  readonly help: string;
}

export interface Option {
  /** As commander takes it: `--endpoint <URL>`, or `--read-only`. */
  readonly flag: string;
  readonly help: string;
}

/** One command line, read and checked. */
export interface Call {
  readonly config: Config;
  readonly loaded: Loaded;
  readonly args: readonly string[];
  /** By commander's name: `readOnly`. Text, or true for an option without a value. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly json: boolean;
  /** Tells the supervisor, if there is one. */
  report(message: Report): Promise<void>;
  readonly env: Env;
  /** Answers: one line or several, without the last newline. */
  print(text: string): void;
  /** Logs go to stderr, as `name`. */
  logger(name: string): Logger;
}
