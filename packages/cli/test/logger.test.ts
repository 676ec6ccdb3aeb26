import { spawnSync } from 'node:child_process';
import { t } from 'tap';

const module = new URL('../src/logger.js', import.meta.url).href;

/** A logger in a process of its own, since it writes to descriptor 2. */
function logIn(config: object, isTerminal: boolean): string {
  const script = `const { createLogger } = await import(${JSON.stringify(module)});
    const logger = createLogger(${JSON.stringify(config)}, 'worker-1', ${isTerminal});
    logger.info({ port: 7, secret: 'hunter2', headers: { authorization: 'hunter2' } }, 'listening');
    logger.debug({}, 'detail');
    process.exit(0);`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }).stderr;
}

t.test('JSON by line, with a name and without secrets, written before the process ends', async (t) => {
  const lines = logIn({ logLevel: 'info', logFormat: 'auto' }, false).trim().split('\n');
  t.equal(lines.length, 1, 'debug is off');
  const line = JSON.parse(lines[0] ?? '');
  t.match(line, { name: 'worker-1', level: 30, port: 7, msg: 'listening', secret: '[Redacted]' });
  t.notMatch(lines[0], /hunter2/);
});

t.test('pretty on a terminal, or when asked for', async (t) => {
  t.match(
    logIn({ logLevel: 'debug', logFormat: 'pretty' }, false),
    /INFO \(worker-1\): listening[\s\S]*detail/,
  );
  t.match(logIn({ logLevel: 'info', logFormat: 'auto' }, true), /listening/);
  t.throws(() => JSON.parse(logIn({ logLevel: 'info', logFormat: 'auto' }, true)));
  t.equal(JSON.parse(logIn({ logLevel: 'info', logFormat: 'json' }, true)).msg, 'listening');
});
