import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { t } from 'tap';
import type { Env } from '../../src/config/env.js';
import { loadConfig } from '../../src/config/load.js';
import { findOrMakeSecret, findSecret } from '../../src/config/secret.js';
import { tempDir } from '../testing.js';

t.test('where a secret comes from, in order', async (t) => {
  const dir = tempDir(t);
  const write = (name: string) => {
    writeFileSync(join(dir, name), `secret of ${name.padEnd(16, '.')}\n`);
    return join(dir, name);
  };
  const config = join(dir, 'c.yaml');
  writeFileSync(config, `secretFile: ${write('from-file')}\ndataDir: ${dir}\n`);
  const find = (flag: string | undefined, env: Env) => {
    const flags = new Map(flag === undefined ? [] : [['secretFile', flag] as const]);
    return findSecret(loadConfig({ flags, env, configFile: config }), env);
  };
  t.match(find(undefined, {}), /^secret of from-file\.+$/, 'the line break is no part of it');
  t.match(find(undefined, { TIDECACHE_SECRET_FILE: write('from-env') }), /from-env/);
  t.match(find(undefined, { TIDECACHE_SECRET: 'straight from the environment' }), /straight/);
  t.match(find(write('from-flag'), { TIDECACHE_SECRET: 'straight from the environment' }), /from-flag/);
  t.throws(() => find(undefined, { TIDECACHE_SECRET: 'x'.repeat(20), TIDECACHE_SECRET_FILE: 'y' }), {
    name: 'UsageError',
    message: /TIDECACHE_SECRET and TIDECACHE_SECRET_FILE are both set/,
  });
});

t.test('a wrong secret names what is wrong, never the secret', async (t) => {
  const dir = tempDir(t);
  const find = (env: Env) => () => findSecret(loadConfig({ flags: new Map([['dataDir', dir]]), env }), env);
  t.throws(find({}), {
    name: 'UsageError',
    message: /^no secret: make one with .*openssl rand -hex 32.*--secret-file/,
  });
  t.throws(find({ TIDECACHE_SECRET: '' }), {
    message: /TIDECACHE_SECRET: the secret has 0 characters, at least 16/,
  });
  t.throws(find({ TIDECACHE_SECRET: 'hunter2-hunter2' }), {
    message: /^((?!hunter2).)*has 15 characters((?!hunter2).)*$/,
  });
  t.throws(find({ TIDECACHE_SECRET_FILE: join(dir, 'none') }), {
    message: /TIDECACHE_SECRET_FILE: cannot read the secret in .*none: there is no such file/,
  });
  mkdirSync(join(dir, 'folder'));
  t.throws(find({ TIDECACHE_SECRET_FILE: join(dir, 'folder') }), { message: /it is a directory/ });
  writeFileSync(join(dir, 'long'), 'x'.repeat(5000));
  t.throws(find({ TIDECACHE_SECRET_FILE: join(dir, 'long') }), { message: /over 4096 bytes/ });
  writeFileSync(join(dir, 'short'), 'short\n');
  t.throws(find({ TIDECACHE_SECRET_FILE: join(dir, 'short') }), {
    message: /short: the secret has 5 characters/,
  });
});

t.test('one is made where there is none, for its owner alone, and found again', async (t) => {
  const dataDir = join(tempDir(t), 'new', 'data');
  const loaded = loadConfig({ flags: new Map([['dataDir', dataDir]]), env: {} });
  const made = findOrMakeSecret(loaded, {});
  t.match(made, /^[0-9a-f]{64}$/);
  t.equal(statSync(join(dataDir, 'secret')).mode & 0o777, 0o600);
  t.equal(findSecret(loaded, {}), made);
  t.equal(findOrMakeSecret(loaded, {}), made);
  t.equal(readFileSync(join(dataDir, 'secret'), 'utf8').trim(), made);
});

t.test('none is made where one is given', async (t) => {
  const dataDir = join(tempDir(t), 'data');
  const env = { TIDECACHE_SECRET: 'given by the environment' };
  const loaded = loadConfig({ flags: new Map([['dataDir', dataDir]]), env });
  t.equal(findOrMakeSecret(loaded, env), env.TIDECACHE_SECRET);
  t.notOk(existsSync(dataDir));
});

t.test('a data directory that cannot be made', async (t) => {
  const file = join(tempDir(t), 'file');
  writeFileSync(file, '');
  const loaded = loadConfig({ flags: new Map([['dataDir', join(file, 'below')]]), env: {} });
  t.throws(() => findOrMakeSecret(loaded, {}), {
    name: 'UsageError',
    message: /cannot write .*below.*--data-dir/,
  });
});
