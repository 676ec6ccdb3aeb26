/** A cluster over a bench's origin, its files in a folder of their own: a bench may have several. */
import { Cluster, type ClusterInit, Scratch } from '@tidecache/test';
import { type BenchOrigin, BUCKET } from './origin/start.js';

/** The origin's objects are under /bench. */
export async function startCluster(
  scratch: Scratch,
  origin: BenchOrigin,
  init: ClusterInit,
): Promise<Cluster> {
  const own = new Scratch('bench-cluster');
  scratch.defer('cluster', () => own.clean());
  const cluster = await Cluster.start(own, init);
  await cluster.addDataset('/bench', `s3://${BUCKET}`, '--metadata', 'once', ...origin.flags);
  return cluster;
}
