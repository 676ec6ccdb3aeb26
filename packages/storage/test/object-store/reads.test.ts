/** Reads from a server that does wrong: right bytes, or an error that says what it was. */
import { t } from 'tap';
import type { ObjectInfo, Origin } from '../../src/api.js';
import type { Fault } from '../../src/testing/index.js';
import { bytesOf } from '../../src/testing/suite/tools.js';
import { DIALECTS, startStores } from '../support/stores.js';

const SIZE = 1024 * 1024;
const BYTES = bytesOf(SIZE, 11);
const CALL = { deadlineMs: 20_000 };

for (const dialect of DIALECTS) {
  t.test(dialect, async (t) => {
    const { server, open } = await startStores(t);
    const origin = await open(dialect);
    server.put('bucket', 'p/file', BYTES);
    const info = await origin.stat('file', CALL);
    const isGet = (record: { method: string; key: string }) =>
      record.method === 'GET' && record.key === 'p/file';
    const misbehave = (fault: Fault, times: number) => server.misbehave({ match: isGet, times, fault });

    /** The outcome of a read, and its progress. */
    const read = async (of: ObjectInfo, deadlineMs = 20_000) => {
      const into = Buffer.alloc(SIZE);
      const progress: number[] = [];
      server.clearLog();
      const error = await origin
        .read('file', {
          deadlineMs,
          version: of.version,
          offset: 0,
          length: SIZE,
          into,
          onProgress: (done) => void progress.push(done),
        })
        .then(
          () => undefined,
          (error: { code: string; message: string }) => error,
        );
      const gets = server.log.filter(isGet);
      return { into, progress, error, gets };
    };

    for (const fault of [
      'reset',
      'reset-body',
      'status:500',
      'status:503',
      'status:429',
      'short-chunked',
    ] as const) {
      await t.test(`${fault}, once`, async (t) => {
        misbehave(fault, 1);
        const { into, progress, error, gets } = await read(info);
        t.equal(error, undefined);
        t.ok(into.equals(BYTES));
        t.equal(gets.length, 2, 'asked twice');
        t.ok(progress.every((done, at) => at === 0 || done > (progress[at - 1] ?? 0)));
        t.equal(progress.at(-1), SIZE);
      });
    }

    await t.test('goes on where an answer stopped', async (t) => {
      misbehave('short-chunked', 2);
      const { into, gets } = await read(info);
      t.ok(into.equals(BYTES));
      t.same(
        gets.map((get) => get.range),
        [`bytes=0-${SIZE - 1}`, `bytes=${SIZE / 2}-${SIZE - 1}`, `bytes=${(SIZE * 3) / 4}-${SIZE - 1}`],
      );
    });

    for (const [fault, code] of [
      ['short', 'CORRUPT'],
      ['long', 'CORRUPT'],
      ['long-chunked', 'CORRUPT'],
      ['wrong-range', 'CORRUPT'],
      ['no-etag', 'CORRUPT'],
      ['status:500', 'ORIGIN_FAILED'],
      ['status:503', 'BUSY'],
      ['status:429', 'BUSY'],
      ['reset', 'ORIGIN_FAILED'],
    ] as const) {
      await t.test(`${fault}, always`, async (t) => {
        misbehave(fault, 5);
        const { error, gets } = await read(info);
        t.equal(error?.code, code);
        t.match(error?.message, `cannot read ${dialect}://bucket/p/file: `);
        t.equal(gets.length, 5, 'a bounded number of tries');
      });
    }

    for (const [fault, code] of [
      ['wrong-etag', 'STALE'],
      ['status:412', 'STALE'],
      ['status:404', 'STALE'],
      ['status:416', 'STALE'],
      ['status:403', 'ACCESS_DENIED'],
      ['status:400', 'INVALID'],
    ] as const) {
      await t.test(`${fault} is final`, async (t) => {
        misbehave(fault, 1);
        const { error, gets } = await read(info);
        t.equal(error?.code, code);
        t.equal(gets.length, 1, 'asked once');
      });
    }

    await t.test('a server without ranges: the whole object will do, a part of it not', async (t) => {
      misbehave('ignore-range', 1);
      const { into, error, gets } = await read(info);
      t.equal(error, undefined);
      t.equal(gets.length, 1);
      t.ok(into.equals(BYTES));
      misbehave('ignore-range', 5);
      const call = { ...CALL, version: info.version, offset: 10, length: 10, into: Buffer.alloc(10) };
      await t.rejects(origin.read('file', call), { code: 'CORRUPT' });
    });

    await t.test('slow is not wrong', async (t) => {
      misbehave('slow', 1);
      const { into, progress, gets } = await read(info);
      t.ok(into.equals(BYTES));
      t.equal(gets.length, 1);
      t.ok(progress.length > 2, 'told as it arrives');
    });

    await t.test('a throttled server', async (t) => {
      server.throttle(1_000);
      t.equal((await read(info, 200)).error?.code, 'TIMEOUT', 'a MiB at 1000 B/s does not come in 200 ms');
      server.throttle(undefined);
      t.equal((await read(info)).error, undefined);
    });

    for (const fault of ['hang', 'stall'] as const) {
      await t.test(`${fault}: the deadline ends it`, async (t) => {
        misbehave(fault, 1);
        const { error } = await read(info, 300);
        t.equal(error?.code, 'TIMEOUT');
        t.match(error?.message, /within \d+ ms/);
      });
      await t.test(`${fault}: a signal ends it`, async (t) => {
        const abort = new AbortController();
        // The request is there: now nobody wants it.
        server.misbehave({ match: isGet, fault, before: () => void setImmediate(() => abort.abort()) });
        const call = { ...CALL, version: info.version, offset: 0, length: SIZE, into: Buffer.alloc(SIZE) };
        await t.rejects(origin.read('file', { ...call, signal: abort.signal }), { code: 'CANCELLED' });
      });
    }

    await t.test('an object that changes between two tries is STALE', async (t) => {
      server.misbehave({ match: isGet, fault: 'short-chunked' });
      server.misbehave({
        match: isGet,
        before: () => void server.put('bucket', 'p/file', bytesOf(SIZE, 12)),
      });
      const { error } = await read(info);
      t.equal(error?.code, 'STALE');
      server.put('bucket', 'p/file', BYTES);
    });

    await t.test('a read beyond the end is told from a changed object', async (t) => {
      const call = { ...CALL, version: info.version, offset: SIZE + 1, length: 10, into: Buffer.alloc(10) };
      await t.rejects(origin.read('file', call), { code: 'STALE' });
      const across = { ...call, offset: SIZE - 5 };
      await t.rejects(origin.read('file', across), { code: 'CORRUPT' });
    });

    await t.test('a generated object of 1 GiB', async (t) => {
      const fill = (offset: number, out: Buffer) => out.fill(Math.floor(offset / 65_536) & 0xff);
      server.generate('bucket', 'p/huge', 2 ** 30, fill, 'huge-1');
      const huge = await origin.stat('huge', CALL);
      t.equal(huge.size, 2 ** 30);
      const into = Buffer.alloc(65_536);
      const offset = 2 ** 30 - 65_536;
      await origin.read('huge', { ...CALL, version: huge.version, offset, length: into.length, into });
      t.ok(into.every((byte) => byte === (Math.floor(offset / 65_536) & 0xff)));
      t.equal(server.bytesSent('bucket', 'p/huge'), 65_536, 'sent once');
    });

    await t.test('closing ends what is under way', async (t) => {
      const short: Origin = await open(dialect);
      let closing: Promise<void> | undefined;
      server.misbehave({
        match: isGet,
        fault: 'hang',
        before: () => {
          closing = short.close();
        },
      });
      const call = { ...CALL, version: info.version, offset: 0, length: 10, into: Buffer.alloc(10) };
      await t.rejects(short.read('file', call), { code: 'CANCELLED' });
      await closing;
      await t.rejects(short.stat('file', CALL), { code: 'CANCELLED' });
    });
  });
}
