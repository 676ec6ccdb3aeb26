/** What a bench gives: figures, each with its unit and, where there is one, its goal and the peer it stands beside. */
export interface Figure {
  readonly bench: string;
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
  /** As text, e.g. `<= 1.0`. */
  readonly goal?: string;
  readonly ok?: boolean;
  /** What it was measured against in the same run. */
  readonly peer?: string;
}

export interface BenchContext {
  readonly quick: boolean;
  say(line: string): void;
  /** A file that belongs to the result, beside the figures: its extension and its text. */
  keep(extension: string, text: string): void;
}

export interface Bench {
  readonly name: string;
  readonly description: string;
  /** How it is measured and beside what, for `--help`. */
  readonly method?: string;
  run(context: BenchContext): Promise<Figure[]>;
}

export const atMost = (value: number, goal: number) => ({ goal: `<= ${goal}`, ok: value <= goal });
export const atLeast = (value: number, goal: number) => ({ goal: `>= ${goal}`, ok: value >= goal });

/** The middle one, so that one lucky or unlucky run does not move it. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value that `share` of all values do not exceed, e.g. 0.99. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)]!;
}

export const lineOf = (figure: Figure) =>
  JSON.stringify({ ...figure, value: Number(figure.value.toPrecision(4)) });

export function printFigures(figures: readonly Figure[], json: boolean): void {
  for (const figure of figures) {
    if (json) {
      console.log(lineOf(figure));
      continue;
    }
    const { figure: name, value, unit, goal, ok, peer } = figure;
    const verdict = goal === undefined ? '' : `   goal ${goal} ${ok ? 'met' : 'MISSED'}`;
    console.log(
      `${name.padEnd(58)} ${value.toPrecision(3).padStart(8)} ${unit}${verdict}${peer ? `   beside ${peer}` : ''}`,
    );
  }
}
