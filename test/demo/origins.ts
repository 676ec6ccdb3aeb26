/** The demo's two origins and what is in them: real tables of the npm package vega-datasets, and one large file. */
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Content, generated, literal, type S3Server, type Scratch, startS3 } from '../lab/index.js';
import type { Report } from './report.js';

export const LARGE_BYTES = 1 << 30;

export interface DemoFile {
  /** Path in the mounted tree. */
  readonly path: string;
  readonly content: Content;
}

export interface DemoOrigins {
  readonly s3: S3Server;
  readonly datasets: readonly { path: string; uri: string; flags: readonly string[] }[];
  readonly files: readonly DemoFile[];
  readonly large: DemoFile;
}

export async function startOrigins(scratch: Scratch, report: Report): Promise<DemoOrigins> {
  const s3 = await startS3(scratch, ['market']);
  const tables = tablesDirectory();
  const names = readdirSync(tables).filter((name) => statSync(join(tables, name)).isFile());
  // Flights and what belongs to them lie on the NAS; prices and the rest in the bucket.
  const onNas = names.filter((name) => /^(flights|airports|us-10m|world)/.test(name));
  const inBucket = names.filter((name) => !onNas.includes(name));

  const nas = scratch.path('nas');
  mkdirSync(join(nas, 'flights'), { recursive: true });
  for (const name of onNas) cpSync(join(tables, name), join(nas, 'flights', name));

  const large = { path: '/market/ticks/history.bin', content: generated('tidecache demo', LARGE_BYTES) };
  const bar = report.progress('loading the bucket', inBucket.length + 1);
  for (const name of inBucket) {
    await s3.put('s3://market/vega', `tables/${name}`, literal(readFileSync(join(tables, name))));
    bar.add(1);
  }
  await s3.put('s3://market/vega', 'ticks/history.bin', large.content);
  bar.add(1);
  bar.done();

  const file = (path: string, name: string) => ({ path, content: literal(readFileSync(join(tables, name))) });
  return {
    s3,
    datasets: [
      { path: '/market', uri: 's3://market/vega', flags: ['--read-only', '--metadata', 'once', ...s3.flags] },
      { path: '/nas', uri: `nas://${nas}`, flags: ['--read-only', '--metadata', 'ttl=5s'] },
    ],
    files: [
      ...inBucket.map((name) => file(`/market/tables/${name}`, name)),
      ...onNas.map((name) => file(`/nas/flights/${name}`, name)),
      large,
    ],
    large,
  };
}

/** The package exports its code alone; the tables lie beside it. */
function tablesDirectory(): string {
  return join(fileURLToPath(import.meta.resolve('vega-datasets')), '../../data');
}
