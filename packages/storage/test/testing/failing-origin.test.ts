import { TidecacheError } from '@tidecache/protocol';
import { t } from 'tap';
import { openOrigin } from '../../src/open.js';
import { failingOrigin } from '../../src/testing/index.js';

const CALL = { deadlineMs: 5_000 };

t.test('does what it is told, and otherwise passes on', async (t) => {
  const directory = t.testdir({ file: 'hello world' });
  const origin = failingOrigin(openOrigin(`nas://${directory}`), ({ method, index, offset }) => {
    if (method === 'stat' && index === 1) return { error: new TidecacheError('BUSY', 'as planned') };
    if (method === 'read' && offset === 6)
      return { error: new TidecacheError('ORIGIN_FAILED', 'cut'), afterBytes: 2 };
    if (method === 'list') return 'hang';
    return undefined;
  });
  t.teardown(() => origin.close());
  const info = await origin.stat('file', CALL);
  await t.rejects(origin.stat('file', CALL), { code: 'BUSY', message: 'as planned' });
  await t.resolves(origin.stat('file', CALL));
  const into = Buffer.alloc(5);
  await origin.read('file', { ...CALL, version: info.version, offset: 0, length: 5, into });
  t.equal(into.toString(), 'hello');
  into.fill(0);
  const progress: number[] = [];
  const call = {
    ...CALL,
    version: info.version,
    offset: 6,
    length: 5,
    into,
    onProgress: (n: number) => void progress.push(n),
  };
  await t.rejects(origin.read('file', call), { code: 'ORIGIN_FAILED' });
  t.equal(into.toString(), 'wo\0\0\0');
  t.same(progress, [2]);
  await t.rejects(origin.list('', { deadlineMs: 10 }), { code: 'TIMEOUT' });
  await t.rejects(origin.list('', { ...CALL, signal: AbortSignal.abort() }), { code: 'CANCELLED' });
});
