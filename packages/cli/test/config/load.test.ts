import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { t } from 'tap';
import type { Env } from '../../src/config/env.js';
import { loadConfig } from '../../src/config/load.js';
import type { ConfigKey } from '../../src/config/schema.js';
import { UsageError } from '../../src/errors.js';
import { tempDir } from '../testing.js';

const flags = (given: Partial<Record<ConfigKey, string>>) =>
  new Map(Object.entries(given) as [ConfigKey, string][]);

t.test('defaults hold where nothing is said', async (t) => {
  const { config, written } = loadConfig({ flags: new Map(), env: {} });
  t.match(config, {
    logLevel: 'info',
    dataDir: '.tidecache',
    master: { listen: { host: '127.0.0.1', port: 7440 }, api: { host: '127.0.0.1', port: 7441 } },
    worker: { memory: 1024 ** 3, listen: { host: '127.0.0.1', port: 0 } },
    mount: { transport: 'kernel', xattrs: false },
    up: { workers: 3 },
  });
  t.equal(written.size, 0);
  t.notOk('unixSocket' in config.worker, 'what has no default is absent');
});

t.test('file < environment < flags, key by key', async (t) => {
  const file = join(tempDir(t), 'tidecache.yaml');
  writeFileSync(
    file,
    'dataDir: /from/file\nworker:\n  memory: 1MiB\n  id: file-id\n  advertise: file-host\nlogLevel: warn\n',
  );
  const env: Env = {
    TIDECACHE_CONFIG: file,
    TIDECACHE_WORKER_ID: 'env-id',
    TIDECACHE_WORKER_ADVERTISE: 'env-host',
    TIDECACHE_LOG_LEVEL: 'error',
  };
  const given = flags({ 'worker.advertise': 'flag-host', logLevel: 'debug' });
  const { config, written } = loadConfig({ flags: given, env });
  t.equal(config.dataDir, '/from/file');
  t.equal(config.worker.memory, 1024 ** 2);
  t.equal(config.worker.id, 'env-id');
  t.equal(config.worker.advertise, 'flag-host');
  t.equal(config.logLevel, 'debug');
  t.equal(written.get('worker.memory')?.source.kind, 'file');
  t.equal(written.get('worker.id')?.source.kind, 'env');
  t.equal(written.get('logLevel')?.source.kind, 'flag');
});

t.test('--config goes before TIDECACHE_CONFIG', async (t) => {
  const dir = tempDir(t);
  writeFileSync(join(dir, 'a.yaml'), 'dataDir: a');
  writeFileSync(join(dir, 'b.yaml'), 'dataDir: b');
  const env = { TIDECACHE_CONFIG: join(dir, 'a.yaml') };
  t.equal(loadConfig({ flags: new Map(), env, configFile: join(dir, 'b.yaml') }).config.dataDir, 'b');
});

t.test('an overruled value is not checked: the file may be for another verb, the flag wins', async (t) => {
  const env = { TIDECACHE_WORKER_MEMORY: 'nonsense' };
  t.equal(loadConfig({ flags: flags({ 'worker.memory': '2MiB' }), env }).config.worker.memory, 2 * 1024 ** 2);
});

t.test('each wrong value names where it was written', async (t) => {
  const cases: [Partial<Record<ConfigKey, string>>, Env, RegExp][] = [
    [{ 'worker.memory': 'lots' }, {}, /^--memory: .*lots/],
    [{ 'worker.memory': '0' }, {}, /^--memory: .*holds nothing/],
    [{}, { TIDECACHE_WORKER_MEMORY: '64 bananas' }, /^TIDECACHE_WORKER_MEMORY: .*64 bananas/],
    [{ 'master.listen': 'nowhere' }, {}, /^--listen: 'nowhere' is not HOST:PORT/],
    [{ 'master.listen': '127.0.0.1:70000' }, {}, /^--listen: .*at most 65535/],
    [{}, { TIDECACHE_MASTER_ADDRESS: 'host:0' }, /^TIDECACHE_MASTER_ADDRESS: 'host:0' has port 0/],
    [{ 'up.workers': '0' }, {}, /^--workers: '0' is not a whole number from 1 to 64/],
    [{ 'up.workers': '2.5' }, {}, /^--workers: '2.5' is not a whole number/],
    [{ 'mount.transport': 'smoke' }, {}, /^--transport: 'smoke' is none of kernel, fuse-native/],
    [{}, { TIDECACHE_MOUNT_XATTRS: 'yes' }, /^TIDECACHE_MOUNT_XATTRS: 'yes' is neither true nor false/],
    [{ logLevel: 'loud' }, {}, /^--log-level: 'loud' is none of trace, debug/],
    [{ dataDir: '' }, {}, /^--data-dir: is empty/],
    [{ dataDir: 'a\0b' }, {}, /^--data-dir: holds a NUL/],
    [
      {},
      { TIDECACHE_WORKER_MEMROY: '1' },
      /unknown variable TIDECACHE_WORKER_MEMROY.*did you mean TIDECACHE_WORKER_MEMORY\?/,
    ],
    [{}, { TIDECACHE_QUITE_ANOTHER_THING: '1' }, /unknown variable TIDECACHE_QUITE_ANOTHER_THING.*unset it/],
    [{}, { TIDECACHE_CONFIG: '' }, /TIDECACHE_CONFIG is empty/],
  ];
  for (const [given, env, message] of cases) {
    t.throws(() => loadConfig({ flags: flags(given), env }), { name: 'UsageError', message });
  }
});

t.test('what Kubernetes puts in for a service named tidecache-master is no configuration', async (t) => {
  const env = {
    TIDECACHE_MASTER_SERVICE_HOST: '10.0.0.1',
    TIDECACHE_MASTER_SERVICE_PORT: '7440',
    TIDECACHE_MASTER_SERVICE_PORT_RPC: '7440',
    TIDECACHE_MASTER_PORT: 'tcp://10.0.0.1:7440',
    TIDECACHE_MASTER_PORT_7440_TCP: 'tcp://10.0.0.1:7440',
    TIDECACHE_MASTER_PORT_7440_TCP_PROTO: 'tcp',
    TIDECACHE_MASTER_PORT_7440_TCP_ADDR: '10.0.0.1',
    TIDECACHE_PORT: 'tcp://10.0.0.1:7440',
  };
  t.equal(loadConfig({ flags: new Map(), env }).written.size, 0);
});

t.test('a file that is missing, a directory, or too long', async (t) => {
  const dir = tempDir(t);
  const load = (configFile: string) => () => loadConfig({ flags: new Map(), env: {}, configFile });
  t.throws(load(join(dir, 'none.yaml')), {
    name: 'UsageError',
    message: /none\.yaml: there is no such file.*--config/,
  });
  mkdirSync(join(dir, 'folder'));
  t.throws(load(join(dir, 'folder')), { name: 'UsageError', message: /folder: it is a directory/ });
  writeFileSync(join(dir, 'long.yaml'), '#'.repeat(1024 * 1024 + 1));
  t.throws(load(join(dir, 'long.yaml')), { name: 'UsageError', message: /over 1048576 bytes/ });
  t.throws(load(''), UsageError);
});
