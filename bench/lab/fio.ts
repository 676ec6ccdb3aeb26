/** fio, reading at random through the file system: reads per second and what one of them takes. */
import { needPrograms, run } from '@tidecache/test';
import { measured } from './cpu.js';

const DEADLINE_MS = 120_000;

export interface FioRun {
  readonly reads: number;
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** Whole machine. */
  readonly cpuSeconds: number;
}

export interface FioJob {
  readonly path: string;
  readonly threads: number;
  /** Ends after this, */
  readonly seconds?: number;
  /** or after so many reads of each thread. */
  readonly reads?: number;
  readonly seed: number;
}

interface Percentiles {
  readonly [share: string]: number;
}

/** 4 KiB reads all over the file; its cached pages are dropped before. */
export async function randomReads(job: FioJob): Promise<FioRun> {
  await needPrograms({ fio: 'fio' });
  const args = [
    ...[
      '--name=random',
      `--filename=${job.path}`,
      '--rw=randread',
      '--bs=4k',
      '--ioengine=psync',
      '--thread',
    ],
    ...[`--numjobs=${job.threads}`, '--group_reporting', '--invalidate=1', '--readonly', '--norandommap'],
    ...[`--randseed=${job.seed}`, '--randrepeat=0', '--output-format=json'],
    ...(job.seconds === undefined ? [] : ['--time_based', `--runtime=${job.seconds}`]),
    ...(job.reads === undefined ? [] : [`--number_ios=${job.reads}`]),
  ];
  let printed = '';
  const { cpuSeconds } = await measured(async () => {
    printed = await run('fio', args, { deadlineMs: DEADLINE_MS });
  });
  // Notes may precede the document.
  const { jobs } = JSON.parse(printed.slice(printed.indexOf('{'))) as {
    jobs: { read: { iops: number; total_ios: number; clat_ns: { max: number; percentile: Percentiles } } }[];
  };
  const { iops, total_ios, clat_ns } = jobs[0]!.read;
  return {
    reads: total_ios,
    perSecond: iops,
    p50Us: clat_ns.percentile['50.000000']! / 1000,
    p99Us: clat_ns.percentile['99.000000']! / 1000,
    maxUs: clat_ns.max / 1000,
    cpuSeconds,
  };
}
