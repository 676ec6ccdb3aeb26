/** The figures of the bench `fleet`, with their goals. */
import { atLeast, atMost, type Figure } from '../lab/figures.js';
import type { Row } from './row.js';

const BENCH = 'fleet';
/** Times direct, and of the ideal, that a count of clients is to reach. */
const SPEED_UP_GOALS: Readonly<Record<number, number>> = { 1: 0.98, 10: 6, 100: 24 };
const SHARE_GOALS: Readonly<Record<number, number>> = { 100: 0.95 };
const ORIGIN_GOAL = 1.01;
/** So that the links and not the CPUs are what was measured. */
const IDLE_GOAL = 0.15;
const MEMORY_OVERHEAD_BYTES = 150e6;

export interface FleetResult {
  readonly direct: readonly Row[];
  readonly cached: readonly Row[];
  readonly cold: Row;
  /** Bytes that the origin sent for the cold file, by the file's size. */
  readonly originPerByte: number;
  /** The same for all warm files together: nothing, when they were warm. */
  readonly warmOriginPerByte: number;
  readonly peakResidentBytes: number;
  readonly bufferBytes: number;
}

export function fleetFigures(result: FleetResult): Figure[] {
  const rows = [...result.direct, ...result.cached, result.cold];
  const budgetMB = (result.bufferBytes + MEMORY_OVERHEAD_BYTES) / 1e6;
  const idle = Math.min(...rows.map((row) => row.idle));
  const residentMB = result.peakResidentBytes / 1e6;
  const { clients } = result.cold;
  return [
    ...rows.flatMap(rowFigures),
    ...result.cached.flatMap((row) => speedUp(row, result.direct)),
    {
      ...figure(`origin bytes per byte of the file, ${clients} cold clients`, result.originPerByte, '×'),
      ...atMost(result.originPerByte, ORIGIN_GOAL),
    },
    figure('origin bytes per byte of the warm files', result.warmOriginPerByte, '×'),
    {
      ...figure('resident memory of a mount, largest', residentMB, 'MB'),
      ...atMost(residentMB, Math.round(budgetMB)),
    },
    { ...figure('idle CPU, least of all rows', idle, 'of all'), ...atLeast(idle, IDLE_GOAL) },
  ];
}

function rowFigures(row: Row): Figure[] {
  const name = `${row.way}, ${row.clients} clients`;
  const goal = row.way === 'cached' ? SHARE_GOALS[row.clients] : undefined;
  return [
    figure(`${name}: average time`, row.averageSeconds, 's'),
    figure(`${name}: bandwidth`, row.bandwidth / 1e6, 'MB/s'),
    {
      ...figure(`${name}: share of the ideal`, row.share, 'of ideal'),
      ...(goal === undefined ? {} : atLeast(row.share, goal)),
    },
    figure(`${name}: idle CPU`, row.idle, 'of all'),
  ];
}

function speedUp(cached: Row, rows: readonly Row[]): Figure[] {
  const direct = rows.find(({ clients }) => clients === cached.clients);
  if (!direct) return [];
  const times = direct.averageSeconds / cached.averageSeconds;
  const goal = SPEED_UP_GOALS[cached.clients];
  return [
    {
      ...figure(`${cached.clients} clients: cached over direct`, times, '×'),
      peer: 'direct',
      ...(goal === undefined ? {} : atLeast(times, goal)),
    },
  ];
}

const figure = (name: string, value: number, unit: string): Figure => ({
  bench: BENCH,
  figure: name,
  value,
  unit,
});
