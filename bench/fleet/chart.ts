/** Charts of a fleet as SVG, drawn by ECharts without a browser. */
import { type EChartsOption, init } from 'echarts';
import type { Row } from './row.js';

const WIDTH = 900;
const HEIGHT = 420;
/** Two panels side by side. */
const LEFT = { left: 70, width: 360, top: 80, bottom: 80 };
const RIGHT = { left: 520, width: 350, top: 80, bottom: 80 };

/** Average time per client, and the share of the ideal, over the number of clients. */
export function fleetChart(direct: readonly Row[], cached: readonly Row[]): string {
  const time = ({ clients, averageSeconds }: Row) => [clients, round(averageSeconds)];
  const share = ({ clients, share: part }: Row) => [clients, round(100 * part)];
  return svg({
    ...panels('seconds for the file, average', 'share of the ideal, %'),
    legend: { bottom: 4, data: ['direct', 'cached'] },
    title: title('Clients that read the same file at the same moment'),
    series: [
      series('direct', 0, direct.map(time)),
      series('cached', 0, cached.map(time)),
      series('direct', 1, direct.map(share)),
      series('cached', 1, cached.map(share)),
    ],
  });
}

/** Bandwidth over the number of workers, beside the straight line from the first point. */
export function scaleChart(rows: readonly Row[]): string {
  const [first] = rows;
  const linear = (first?.bandwidth ?? 0) / (first?.workers ?? 1) / 1e6;
  return svg({
    grid: [{ left: 80, right: 40, top: 80, bottom: 80 }],
    xAxis: [logAxis('workers', 0, 2)],
    yAxis: [{ ...logAxis('MB/s', 0, 2), nameLocation: 'end' }],
    legend: { bottom: 4, data: ['measured', 'linear'] },
    title: title(`Bandwidth of ${first?.clients} clients`),
    series: [
      series(
        'measured',
        0,
        rows.map(({ workers, bandwidth }) => [workers, round(bandwidth / 1e6)]),
      ),
      {
        ...series(
          'linear',
          0,
          rows.map(({ workers }) => [workers, round(linear * workers)]),
        ),
        ...{ lineStyle: { type: 'dashed' as const }, symbol: 'none' },
      },
    ],
  });
}

function panels(left: string, right: string): EChartsOption {
  return {
    grid: [LEFT, RIGHT],
    xAxis: [logAxis('clients', 0), logAxis('clients', 1)],
    yAxis: [
      { ...logAxis(left, 0), nameLocation: 'end', nameTextStyle: { align: 'left' } },
      { type: 'value', gridIndex: 1, min: 0, name: right, nameTextStyle: { align: 'left' } },
    ],
  };
}

const title = (text: string) => ({ text, left: 'center', textStyle: { fontSize: 16 } });

const logAxis = (name: string, gridIndex: number, logBase = 10) => ({
  ...({ type: 'log', logBase, name, gridIndex, nameGap: 26 } as const),
  ...({ nameLocation: 'middle' } as const),
});

const series = (name: string, panel: number, data: number[][]) => ({
  ...({ type: 'line', name, data, xAxisIndex: panel, yAxisIndex: panel } as const),
  ...{ color: name === 'direct' || name === 'linear' ? '#c05020' : '#2060b0', symbolSize: 7 },
});

/** Three digits are more than the measurement carries. */
const round = (value: number): number => Number(value.toPrecision(3));

function svg(option: EChartsOption): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  try {
    chart.setOption({ ...option, animation: false, backgroundColor: '#fff' });
    return `${chart.renderToSVGString()}\n`;
  } finally {
    chart.dispose();
  }
}
