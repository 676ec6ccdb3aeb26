/** An S3 origin that is no bottleneck, in a process of its own: generated objects, read-only. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Scratch, Service } from '@tidecache/test';
import type { OriginSpec, OriginStats } from './spec.js';

/** Every bucket name leads to the same objects. */
export const BUCKET = 'bench';
/** A million keys are made and sorted before it is ready. */
const START_MS = 60_000;
let started = 0;

export interface BenchOrigin {
  readonly endpoint: string;
  /** The flags that `tidecache dataset add` needs. */
  readonly flags: readonly string[];
  readonly pid: number;
  /** What went over since the last call of it. */
  takeStats(): Promise<OriginStats>;
}

export async function startOrigin(scratch: Scratch, spec: OriginSpec): Promise<BenchOrigin> {
  const name = `origin-${++started}`;
  const service = new Service({
    name,
    command: process.execPath,
    args: [fileURLToPath(new URL('./server.js', import.meta.url)), JSON.stringify(spec)],
  });
  scratch.defer(name, () => service.stop());
  const port = await service.line('port', (line) => /^port (\d+)/.exec(line)?.[1], START_MS);
  const credentials = scratch.path(`${name}.json`);
  writeFileSync(credentials, JSON.stringify({ accessKeyId: 'bench', secretAccessKey: 'bench-secret' }), {
    mode: 0o600,
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const where = ['--endpoint', endpoint, '--region', 'us-east-1', '--path-style'];
  return {
    endpoint,
    flags: [...where, '--credentials-file', credentials],
    pid: service.pid,
    async takeStats() {
      const answer = await fetch(`${endpoint}/-/stats?reset`, { signal: AbortSignal.timeout(5_000) });
      return (await answer.json()) as OriginStats;
    },
  };
}
