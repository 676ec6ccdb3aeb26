/** How answers and errors look. */
import { TidecacheError } from '@tidecache/protocol';
import { NotInTimeError, UsageError } from './errors.js';

/** The exit statuses: 0 done, 1 failed, 2 wrong use, 3 a condition not met in time. */
export const DONE = 0;
export const FAILED = 1;
export const WRONG_USE = 2;
export const NOT_IN_TIME = 3;

export function exitStatusOf(thrown: unknown): number {
  if (thrown instanceof UsageError) return WRONG_USE;
  if (thrown instanceof NotInTimeError) return NOT_IN_TIME;
  return FAILED;
}

/**
 * One line: `error: …`. With `debug`, the causes follow, a line each, and the stack of what is a bug of ours; what is
 * not an error of the table is a bug too, and is told as one.
 */
export function formatError(thrown: unknown, debug: boolean): string {
  const expected = thrown instanceof TidecacheError;
  const hint = expected || debug ? '' : ' (a bug: please report it with the output of --log-level debug)';
  const lines = [`error: ${oneLine(messageOf(thrown))}${hint}`];
  if (debug) {
    if (!expected && thrown instanceof Error && thrown.stack) lines.push(thrown.stack);
    for (const cause of causesOf(thrown)) lines.push(`  caused by: ${oneLine(messageOf(cause))}`);
  }
  return lines.join('\n');
}

const MAX_CAUSES = 8;

function causesOf(thrown: unknown): unknown[] {
  const causes: unknown[] = [];
  let cause = thrown instanceof Error ? thrown.cause : undefined;
  while (cause !== undefined && causes.length < MAX_CAUSES) {
    causes.push(cause);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return causes;
}

function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  // Node's errors of several attempts (happy eyeballs) have no message of their own.
  if (!thrown.message && thrown instanceof AggregateError) return thrown.errors.map(messageOf).join('; ');
  return thrown.message || thrown.name;
}

const oneLine = (text: string) => text.trim().replace(/\s*\n\s*/g, '; ');

export interface Column<T> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  cell(row: T): string;
}

/** A table for people: aligned columns, two spaces apart, titles above. */
export function formatTable<T>(rows: readonly T[], columns: readonly Column<T>[]): string {
  const cells = [
    columns.map((column) => column.title),
    ...rows.map((row) => columns.map((c) => printable(c.cell(row)))),
  ];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => (line[i] ?? '').length)));
  return cells
    .map((line) =>
      line
        .map((cell, i) =>
          columns[i]?.align === 'right' ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A path may hold line breaks and escape sequences; a terminal must not act on them. */
export function printable(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return value.replace(/[\x00-\x1f\x7f-\x9f]/g, (character) => JSON.stringify(character).slice(1, -1));
}
