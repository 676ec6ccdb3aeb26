import { findOrMakeSecret } from '../config/secret.js';
import { unmountLeftover } from '../leftover-mount.js';
import { runUntilStopped } from '../lifecycle.js';
import { UP_CLOSE_MS } from '../limits.js';
import { createLocalCluster, type LocalCluster } from '../local-cluster.js';
import type { Call, Verb } from '../verb.js';

export const up: Verb = {
  name: 'up',
  summary: 'run a whole cluster on this machine, each part in a process of its own',
  args: [],
  keys: [
    'up.workers',
    'worker.memory',
    'up.mount',
    'dataDir',
    'master.listen',
    'master.http',
    'mount.transport',
    'mount.buffer',
    'mount.ioThreads',
    'mount.busyPoll',
    'mount.xattrs',
  ],
  examples: [
    'tidecache up --workers 3 --memory 1GiB --mount ./mnt',
    'tidecache up --data-dir /var/lib/tidecache --listen 127.0.0.1:0 --http 127.0.0.1:0 --json',
  ],
  async run(call) {
    const secret = findOrMakeSecret(call.loaded, call.env);
    const logger = call.logger('up');
    let cluster: LocalCluster | undefined;
    const onForce = () => {
      cluster?.kill();
      if (cluster?.mountPoint) unmountLeftover(cluster.mountPoint);
    };
    await runUntilStopped({ logger, onForce, closeMs: UP_CLOSE_MS }, async (life) => {
      cluster = createLocalCluster({
        config: call.config,
        env: call.env,
        secret,
        logger,
        onMountEnded: life.stop,
      });
      life.defer('master', cluster.stopMaster);
      await cluster.startMaster();
      life.defer('workers', cluster.stopWorkers);
      await cluster.startWorkers();
      life.defer('mount', cluster.stopMount);
      await cluster.startMount();
      call.print(call.json ? JSON.stringify(cluster.describe()) : describe(call, cluster));
    });
  },
};

function describe(call: Call, cluster: LocalCluster): string {
  const { master, workers, mount } = cluster.describe();
  const dataDir = call.config.dataDir === '.tidecache' ? '' : ` --data-dir ${call.config.dataDir}`;
  const api = master.http === '127.0.0.1:7441' ? '' : ` --api ${master.http}`;
  return [
    `tidecache is up: master ${master.rpc}, HTTP ${master.http}, ${workers.length} workers` +
      (mount ? `, mounted on ${mount.on}` : ''),
    `  tidecache dataset add /data nas:///some/directory${api}${dataDir}`,
    `  tidecache status${api}${dataDir}`,
    ...(mount ? [`  ls ${mount.on}`] : []),
    'Ctrl-C ends it.',
  ].join('\n');
}
