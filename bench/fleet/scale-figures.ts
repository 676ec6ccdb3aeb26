/** The figures of the bench `scale-workers`, with their goals. */
import { atLeast, type Figure } from '../lab/figures.js';
import type { Row } from './row.js';

const BENCH = 'scale-workers';
/** From one worker to sixteen. */
const GOAL = 15;
const GOAL_WORKERS = 16;

export function scaleFigures(rows: readonly Row[]): Figure[] {
  const figure = (name: string, value: number, unit: string): Figure => ({
    bench: BENCH,
    figure: name,
    value,
    unit,
  });
  const [first] = rows;
  return rows.flatMap((row) => {
    const name = `${row.workers} workers`;
    const times = row.bandwidth / (first?.bandwidth ?? 0);
    return [
      figure(`${name}: bandwidth`, row.bandwidth / 1e6, 'MB/s'),
      figure(`${name}: share of the ideal`, row.share, 'of ideal'),
      figure(`${name}: idle CPU`, row.idle, 'of all'),
      {
        ...figure(`${name}: bandwidth over that of ${first?.workers}`, times, '×'),
        ...(row.workers === GOAL_WORKERS ? atLeast(times, GOAL) : {}),
      },
    ];
  });
}
