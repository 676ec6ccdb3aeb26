import { test } from 'tap';
import { fleetChart, scaleChart } from '../../fleet/chart.js';
import { fleetFigures } from '../../fleet/fleet-figures.js';
import type { Row } from '../../fleet/row.js';
import { scaleFigures } from '../../fleet/scale-figures.js';
import { fleetTable, scaleTable } from '../../fleet/table.js';

const row = (way: Row['way'], clients: number, averageSeconds: number, more: Partial<Row> = {}): Row => ({
  ...{ way, clients, workers: way === 'direct' ? 0 : 20, fileBytes: 1e6, ideal: 10e6, idle: 0.4 },
  ...{ averageSeconds, bandwidth: 9e6, share: 0.9, firstSeconds: 1, lastSeconds: averageSeconds },
  ...more,
});
const direct = [row('direct', 1, 10), row('direct', 10, 100)];
const cached = [row('cached', 1, 10), row('cached', 10, 20)];
const result = {
  ...{ direct, cached, cold: row('cold', 10, 30), originPerByte: 1, warmOriginPerByte: 0 },
  ...{ peakResidentBytes: 100e6, bufferBytes: 16e6 },
};
const figureOf = (figures: ReturnType<typeof fleetFigures>, name: string) =>
  figures.find(({ figure }) => figure === name);

test('a count of clients is set beside the same count without a cache', async (t) => {
  const figures = fleetFigures(result);
  t.match(figureOf(figures, '1 clients: cached over direct'), { value: 1, goal: '>= 0.98', ok: true });
  t.match(figureOf(figures, '10 clients: cached over direct'), { value: 5, goal: '>= 6', ok: false });
});

test('a machine without idle time to spare is told of', async (t) => {
  const busy = { ...result, cold: row('cold', 10, 30, { idle: 0.1 }) };
  t.match(figureOf(fleetFigures(result), 'idle CPU, least of all rows'), { value: 0.4, ok: true });
  t.match(figureOf(fleetFigures(busy), 'idle CPU, least of all rows'), { value: 0.1, ok: false });
});

test('workers are compared with the first row', async (t) => {
  const rows = [1, 16].map((workers) => row('cached', 50, 10, { workers, bandwidth: workers * 1e6 }));
  t.match(figureOf(scaleFigures(rows), '16 workers: bandwidth over that of 1'), { value: 16, ok: true });
  t.match(scaleTable(rows), '| 16 | 16.0 MB/s | 16.00 × | 90.0 % |\n');
});

test('the table has a line for each count measured both ways', async (t) => {
  const lines = fleetTable(direct, [...cached, row('cached', 50, 20)])
    .trim()
    .split('\n');
  t.equal(lines.length, 4);
  t.equal(lines[3], '| 10 | 100.0 s | 20.0 s | 5.00 × | 9.0 MB/s | 9.0 MB/s | 90.0 % | 90.0 % |');
});

test('charts are SVG that names what is drawn', async (t) => {
  const fleet = fleetChart(direct, cached);
  t.match(fleet, /^<svg/);
  for (const name of ['direct', 'cached', 'clients']) t.match(fleet, `>${name}</text>`);
  t.match(scaleChart([1, 2].map((workers) => row('cached', 50, 9, { workers }))), '>linear</text>');
});
