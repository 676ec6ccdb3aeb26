/** The report's table, as Markdown. */
import type { Row } from './row.js';

/** A line for each count of clients that was measured both ways. */
export function fleetTable(direct: readonly Row[], cached: readonly Row[]): string {
  const heads = ['clients', 'direct: average time', 'cached: average time', 'times faster'];
  const more = ['direct: bandwidth', 'cached: bandwidth', 'direct: of ideal', 'cached: of ideal'];
  const lines = cached.flatMap((row) => {
    const peer = direct.find(({ clients }) => clients === row.clients);
    return peer ? [line(peer, row)] : [];
  });
  return markdownTable([...heads, ...more], lines);
}

function line(direct: Row, cached: Row): string[] {
  return [
    String(cached.clients),
    ...[direct, cached].map(({ averageSeconds }) => `${averageSeconds.toFixed(1)} s`),
    `${(direct.averageSeconds / cached.averageSeconds).toFixed(2)} ×`,
    ...[direct, cached].map(({ bandwidth }) => `${(bandwidth / 1e6).toFixed(1)} MB/s`),
    ...[direct, cached].map(({ share }) => `${(100 * share).toFixed(1)} %`),
  ];
}

/** Numbers stand at the right. */
export function markdownTable(heads: readonly string[], lines: readonly (readonly string[])[]): string {
  const rows = [heads, heads.map(() => '--:'), ...lines];
  return rows.map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

/** A line for each count of workers. */
export function scaleTable(rows: readonly Row[]): string {
  const [first] = rows;
  const lines = rows.map(({ workers, bandwidth, share }) => [
    String(workers),
    `${(bandwidth / 1e6).toFixed(1)} MB/s`,
    `${(bandwidth / (first?.bandwidth ?? 0)).toFixed(2)} ×`,
    `${(100 * share).toFixed(1)} %`,
  ]);
  return markdownTable(['workers', 'bandwidth', `over ${first?.workers}`, 'of ideal'], lines);
}
