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
}

export interface Bench {
  readonly name: string;
  readonly description: string;
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

export function printFigures(figures: readonly Figure[], json: boolean): void {
  for (const figure of figures) {
    if (json) console.log(JSON.stringify({ ...figure, value: Number(figure.value.toPrecision(4)) }));
    else {
      const { figure: name, value, unit, goal, ok, peer } = figure;
      const verdict = goal === undefined ? '' : `   goal ${goal} ${ok ? 'met' : 'MISSED'}`;
      console.log(
        `${name.padEnd(44)} ${value.toPrecision(3).padStart(8)} ${unit}${verdict}${peer ? `   beside ${peer}` : ''}`,
      );
    }
  }
}
