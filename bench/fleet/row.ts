/** One race, as it is told: what was measured, and what follows from it. */

/** What one client got, from the common start to its last byte, or to when its time was up. */
export interface ClientResult {
  readonly bytes: number;
  readonly seconds: number;
}

interface Setting {
  /** `cold`: the workers' memory is empty of the file as well. */
  readonly way: 'direct' | 'cached' | 'cold';
  readonly clients: number;
  readonly workers: number;
  readonly fileBytes: number;
  /** Bytes per second that the links allow all clients together. */
  readonly ideal: number;
  /** Share of all CPUs' time that was idle during the race. */
  readonly idle: number;
}

export interface Race extends Setting {
  readonly results: readonly ClientResult[];
}

export interface Row extends Setting {
  /** All clients' bytes by the time of the last one, per second. */
  readonly bandwidth: number;
  /** Of the ideal, by the bandwidth: the last client counts, not the average one. */
  readonly share: number;
  /** Average over the clients of the time for the whole file; from the bandwidth where they read for a set time. */
  readonly averageSeconds: number;
  /** Of the clients, when they ended. */
  readonly firstSeconds: number;
  readonly lastSeconds: number;
}

export function rowOf({ results, ...setting }: Race): Row {
  const { clients, fileBytes, ideal } = setting;
  const times = results.map(({ seconds }) => seconds);
  const lastSeconds = Math.max(...times);
  const bandwidth = sum(results.map(({ bytes }) => bytes)) / lastSeconds;
  const whole = results.every(({ bytes }) => bytes === fileBytes);
  return {
    ...setting,
    bandwidth,
    share: bandwidth / ideal,
    averageSeconds: whole ? sum(times) / clients : (clients * fileBytes) / bandwidth,
    firstSeconds: Math.min(...times),
    lastSeconds,
  };
}

export function rowLine({ way, clients, averageSeconds, bandwidth, share, idle, ...row }: Row): string {
  const spread = `${row.firstSeconds.toFixed(2)} to ${row.lastSeconds.toFixed(2)}`;
  const rate = `${(bandwidth / 1e6).toFixed(1)} MB/s`;
  const shares = `${percent(share)} of the ideal, CPU ${percent(idle)} idle`;
  return `${way}, ${clients} clients: ${averageSeconds.toFixed(2)} s (${spread}), ${rate}, ${shares}`;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);
