import { formatEndpoint } from '../config/endpoint.js';
import { findSecret } from '../config/secret.js';
import { runUntilStopped } from '../lifecycle.js';
import type { Verb } from '../verb.js';
import { announce } from './ready.js';

export const master: Verb = {
  name: 'master',
  summary: 'run the master: datasets, the inode cache, the HTTP API',
  args: [],
  keys: ['master.listen', 'master.http', 'dataDir'],
  examples: [
    'tidecache master --secret-file /etc/tidecache/secret --data-dir /var/lib/tidecache',
    'TIDECACHE_CONFIG=/etc/tidecache.yaml tidecache master --listen 0.0.0.0:7440 --http 0.0.0.0:7441',
  ],
  async run(call) {
    const { config } = call;
    const secret = findSecret(call.loaded, call.env);
    const logger = call.logger('master');
    // Imported when it's needed: `tidecache status` must not load a database.
    const { startMaster } = await import('@tidecache/master');
    await runUntilStopped({ logger }, async (life) => {
      const running = await startMaster({
        dataDir: config.dataDir,
        listen: config.master.listen,
        http: config.master.http,
        secret,
        logger,
      });
      life.defer('master', () => running.close());
      announce(call, 'master', { rpc: formatEndpoint(running.rpc), http: formatEndpoint(running.http) });
    });
  },
};
