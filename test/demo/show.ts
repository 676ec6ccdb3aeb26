/** What the demo shows, one function a thing. */
import { createHash } from 'node:crypto';
import { formatSize } from '@tidecache/protocol';
import type { Cluster } from '../lab/index.js';
import type { DemoFile, DemoOrigins } from './origins.js';
import type { Reader } from './reader.js';
import type { Report } from './report.js';

export async function showTree(reader: Reader, report: Report, path = '/', depth = 0): Promise<void> {
  const entries = await reader.list(path);
  for (const [i, { name, directory }] of entries.entries()) {
    if (!directory && entries.length > 12 && i >= 6) {
      report.line(`${'  '.repeat(depth)}… and ${entries.length - i} more`);
      return;
    }
    report.line(`${'  '.repeat(depth)}${name}${directory ? '/' : ''}`);
    if (directory) await showTree(reader, report, path === '/' ? `/${name}` : `${path}/${name}`, depth + 1);
  }
}

/** Every file's SHA-256 through the reader beside that of the bytes which were loaded into its origin. */
export async function showChecksums(reader: Reader, origins: DemoOrigins, report: Report): Promise<void> {
  const total = origins.files.reduce((sum, { content }) => sum + content.size, 0);
  const bar = report.progress(`SHA-256 of ${origins.files.length} files, ${formatSize(total)}`, total);
  const before = report.differences.length;
  for (const file of origins.files) {
    const hash = createHash('sha256');
    await reader.read(file.path, (chunk) => {
      hash.update(chunk);
      bar.add(chunk.length);
    });
    if (hash.digest('hex') !== file.content.sha256())
      report.differs(`${file.path}: SHA-256 differs from the origin's`);
  }
  bar.done();
  if (report.differences.length === before)
    report.line(`all ${origins.files.length} files equal their origin's`);
}

/** Reads the large file whole and says how fast, and what each worker gave of it. */
export async function showThroughput(
  what: string,
  reader: Reader,
  cluster: Cluster,
  file: DemoFile,
  report: Report,
): Promise<void> {
  await reader.forget(file.path);
  const before = await served(cluster);
  const bar = report.progress(what, file.content.size);
  let bytes = 0;
  const startedAt = performance.now();
  await reader.read(file.path, (chunk) => {
    bytes += chunk.length;
    bar.add(chunk.length);
  });
  const seconds = (performance.now() - startedAt) / 1000;
  bar.done();
  if (bytes !== file.content.size)
    report.differs(`${file.path}: read ${bytes} bytes of ${file.content.size}`);
  report.line(
    `${what}: ${formatSize(bytes)} in ${seconds.toFixed(2)} s, ${(bytes / seconds / 1e9).toFixed(2)} GB/s`,
  );
  const after = await served(cluster);
  const shares = [...after].map(([id, now]) => [id, now - (before.get(id) ?? 0)] as const);
  const all = shares.reduce((sum, [, share]) => sum + share, 0);
  for (const [id, share] of shares) {
    report.line(`  ${id}: ${formatSize(share)}, ${((100 * share) / Math.max(1, all)).toFixed(1)} %`);
  }
}

/** Kills a worker when half of the file has been read: the bytes must be the same, without an error. */
export async function showKilledWorker(
  reader: Reader,
  cluster: Cluster,
  file: DemoFile,
  report: Report,
): Promise<void> {
  await reader.forget(file.path);
  const hash = createHash('sha256');
  let bytes = 0;
  let longestMs = 0;
  let killed = false;
  let lastAt = performance.now();
  await reader.read(file.path, async (chunk) => {
    longestMs = Math.max(longestMs, performance.now() - lastAt);
    hash.update(chunk);
    bytes += chunk.length;
    if (!killed && bytes >= file.content.size / 2) {
      killed = true;
      await cluster.workers[1]!.kill();
      report.line(`killed ${cluster.workers[1]!.name} at ${formatSize(bytes)}`);
    }
    lastAt = performance.now();
  });
  if (hash.digest('hex') !== file.content.sha256())
    report.differs(`${file.path}: other bytes after a worker was killed`);
  else report.line(`the same bytes, no error; the longest read took ${longestMs.toFixed(0)} ms`);
}

/** Bytes served so far, by worker. The counters come with heartbeats: wait for one. */
async function served(cluster: Cluster): Promise<Map<string, number>> {
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return new Map((await cluster.workerStatus()).map(({ id, stats }) => [id, stats.servedBytes]));
}
