/** What each worker's link carried during a race, sampled: where the line was not full, the share of the ideal was lost. */
import { sentBytes } from '../lab/machine.js';

const SAMPLE_MS = 200;

export interface WireReport {
  /** Bytes of the worker that sent most, over the mean. */
  readonly unevenness: number;
  /** Per sample, the share of all workers' lines that was used, headers included. */
  readonly used: readonly number[];
  /** Per sample, how many workers used at least nine tenths of their line. */
  readonly full: readonly number[];
}

/** Starts now; the result ends it. `pids` of the workers, each alone in its host. */
export function watchWire(pids: readonly number[], lineMbit: number): () => WireReport {
  const samples: { at: number; sent: number[] }[] = [];
  const sample = () => void samples.push({ at: performance.now(), sent: pids.map(sentBytes) });
  sample();
  const timer = setInterval(sample, SAMPLE_MS);
  return () => {
    clearInterval(timer);
    sample();
    return report(samples, (lineMbit * 1e6) / 8);
  };
}

function report(samples: readonly { at: number; sent: number[] }[], lineBytesPerSecond: number): WireReport {
  const first = samples[0]!;
  const last = samples.at(-1)!;
  const totals = last.sent.map((sent, i) => sent - first.sent[i]!);
  const mean = totals.reduce((sum, n) => sum + n, 0) / totals.length;
  const used: number[] = [];
  const full: number[] = [];
  for (const [i, to] of samples.entries()) {
    const from = samples[i - 1];
    if (!from) continue;
    const possible = ((to.at - from.at) / 1000) * lineBytesPerSecond;
    const shares = to.sent.map((sent, worker) => (sent - from.sent[worker]!) / possible);
    used.push(shares.reduce((sum, n) => sum + n, 0) / shares.length);
    full.push(shares.filter((share) => share >= 0.9).length);
  }
  return { unevenness: Math.max(...totals) / mean, used, full };
}

/** As a line: the workers' lines in use, in per cent, sample by sample. */
export function wireLine({ unevenness, used, full }: WireReport): string {
  const shares = used.map((share) => Math.round(100 * share)).join(' ');
  const busiest = `the busiest worker sent ${unevenness.toFixed(2)} times the mean`;
  return `  lines in use, % each ${SAMPLE_MS} ms: ${shares}\n  full: ${full.join(' ')}; ${busiest}`;
}
