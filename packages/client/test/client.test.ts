/** The client over real sockets, against a small master and workers that have everything in memory. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inodeId, KiB, MiB, TidecacheError } from '@tidecache/protocol';
import { startIoThread, type ThreadData } from '@tidecache/transport';
import { type Test, t } from 'tap';
import type { Client } from '../src/api.js';
import { type ClientInit, connectClient } from '../src/client.js';
import { silentLogger } from '../src/logger.js';
import { contentOf } from './doubles/content.js';
import { fileRecord } from './doubles/fake-master.js';
import {
  type Intercept,
  type MemoryWorker,
  type MemoryWorkerInit,
  startMemoryWorker,
} from './doubles/memory-worker.js';
import { type SmallMaster, startSmallMaster } from './doubles/small-master.js';

const SECRET = 'open sesame';
const SIZE = 12 * MiB + 345;
const FILES = new Map([
  ['big file 大', fileRecord(10, 'v1', SIZE, 256 * KiB)],
  ['file 0', fileRecord(20, 'v1', SIZE, 256 * KiB)],
  ['file 1', fileRecord(21, 'v1', SIZE, 256 * KiB)],
]);
const EXPECTED = contentOf('v1', 0, SIZE);

interface Started {
  master: SmallMaster;
  workers: MemoryWorker[];
  client: Client;
}

async function start(
  t: Test,
  inits: Partial<MemoryWorkerInit>[],
  client: Partial<ClientInit> = {},
): Promise<Started> {
  const workers: MemoryWorker[] = [];
  for (const [i, init] of inits.entries()) {
    const worker = await startMemoryWorker({ id: `w${i}`, secret: SECRET, content: true, ...init });
    workers.push(worker);
    t.teardown(() => worker.server.close(0));
  }
  const ring = { epoch: 1, members: workers.map(({ member }) => member) };
  const master = await startSmallMaster(SECRET, FILES, ring);
  t.teardown(() => master.server.close(0));
  const connected = await connectClient({ master, secret: SECRET, name: 'test', ...client });
  t.teardown(() => connected.close());
  return { master, workers, client: connected };
}

for (const ioThreads of [0, 2]) {
  t.test(`received in ${ioThreads} I/O threads`, async (t) => {
    t.test('reads a file from three workers', async (t) => {
      const { client, workers } = await start(t, [{}, {}, {}], { ioThreads });
      t.ok((await client.readFile('/big file 大')).equals(EXPECTED));
      t.ok(workers.every(({ reads }) => reads.value > 0));
      t.equal(client.stats().readBytes, SIZE);
    });

    t.test(
      'a local worker is reached by its socket file; one that does not answer there by TCP',
      async (t) => {
        const directory = mkdtempSync(join(tmpdir(), 'tidecache-test-'));
        t.teardown(() => rmSync(directory, { recursive: true }));
        const good = join(directory, 'good.sock');
        const dead = join(directory, 'dead.sock');
        writeFileSync(dead, '');
        const { client, master, workers } = await start(t, [{ unixPath: good }, {}], { ioThreads });
        const members = [workers[0]!.member, { ...workers[1]!.member, unixPath: dead }];
        master.setRing({ epoch: 2, members: members.slice(1) });
        const bytes = await client.readFile('/big file 大');
        t.ok(bytes.equals(EXPECTED));
        master.setRing({ epoch: 3, members });
        t.ok((await client.readFile('/big file 大')).equals(EXPECTED));
        t.equal(client.stats().originBytes, 0);
      },
    );

    t.test(
      'a worker dies half-way through an answer: the next one is asked for the rest alone',
      async (t) => {
        let cut: { from: number; length: number } | undefined;
        const asked: { from: number; length: number }[] = [];
        const die: Intercept = (exchange, source, from, length) => {
          if (cut || length < 4096) return false;
          cut = { from, length };
          const half = contentOf(source.version, from, from + length / 2);
          // The connection ends once the half is out.
          const onSent = () => exchange.connection.destroy();
          exchange.reply(Buffer.alloc(0), { parts: [half], onSent }, { more: true });
          return true;
        };
        const note: Intercept = (_exchange, _source, from, length) => {
          asked.push({ from, length });
          return false;
        };
        const { client } = await start(t, [{ intercept: die }, { intercept: note }, { intercept: note }], {
          ioThreads,
        });
        const handle = await client.open(inodeId(10));
        t.teardown(() => handle.close());
        const bytes = Buffer.alloc(SIZE);
        t.equal(await handle.readInto(bytes, 0), SIZE);
        t.ok(bytes.equals(EXPECTED));
        t.ok(cut, 'the worker was asked');
        const { from, length } = cut!;
        t.strictSame(
          asked.filter((range) => range.from >= from && range.from < from + length),
          [{ from: from + length / 2, length: length / 2 }],
        );
      },
    );

    t.test('a refusal by every worker comes through as it is', async (t) => {
      const intercept: Intercept = (exchange) => {
        exchange.fail(new TidecacheError('STALE', 'the object is another by now'));
        return true;
      };
      const { client, master } = await start(t, [{ intercept }], { ioThreads });
      await t.rejects(client.readFile('/big file 大'), { code: 'STALE' });
      t.equal((await client.getattr(inodeId(10))).ino, 10, 'an answer that comes after the report');
      t.same(master.stale, [10]);
    });

    t.test('workers come and go while the client runs', async (t) => {
      const { client, master, workers } = await start(t, [{}, {}], { ioThreads });
      for (const [i, worker] of workers.entries()) {
        master.setRing({ epoch: 2 + i, members: [worker.member] });
        // An answer that was asked for after the push comes after it.
        await client.getattr(inodeId(1));
        const before = workers.map(({ reads }) => reads.value);
        t.ok((await client.readFile(`/file ${i}`)).equals(EXPECTED));
        const served = workers.map(({ reads }, at) => reads.value - before[at]!);
        t.ok(served[i]! > 0, `worker ${i} serves`);
        t.equal(served[1 - i], 0, 'the other one is not asked');
      }
    });

    t.test('the master restarts: files stay readable, and the client attaches again', async (t) => {
      const { client, master, workers } = await start(t, [{}], { ioThreads });
      await client.readFile('/big file 大');
      await master.server.close(0);
      t.ok((await client.readFile('/big file 大')).equals(EXPECTED));
      const again = await startSmallMaster(
        SECRET,
        FILES,
        { epoch: 2, members: [workers[0]!.member] },
        master.port,
      );
      t.teardown(() => again.server.close(0));
      await t.rejects(
        Promise.resolve(client.lookup(inodeId(1), 'new')),
        { code: 'NOT_FOUND' },
        'the new master answers',
      );
    });
  });
}

t.test(
  'I/O threads end half-way through a file: the bytes are right all the same, and it is told',
  async (t) => {
    const threads: { terminate(): unknown }[] = [];
    const startThread = (data: ThreadData) => {
      const thread = startIoThread(data);
      threads.push(thread);
      return thread;
    };
    let isOver = false;
    const intercept: Intercept = (exchange, source, from, length) => {
      if (isOver || from < SIZE / 2) return false;
      isOver = true;
      // Half of an answer has come when its thread ends.
      const onSent = () => threads.forEach((thread) => void thread.terminate());
      exchange.reply(
        Buffer.alloc(0),
        { parts: [contentOf(source.version, from, from + length / 2)], onSent },
        { more: true },
      );
      return true;
    };
    const told: string[] = [];
    const error = (_fields: object, message: string) => told.push(message);
    const logger = { ...silentLogger, error };
    const { client } = await start(t, [{ intercept }, { intercept }], {
      ioThreads: 2,
      startIoThread: startThread,
      logger,
    });
    const handle = await client.open(inodeId(10));
    t.teardown(() => handle.close());
    const bytes = Buffer.alloc(SIZE);
    t.equal(await handle.readInto(bytes, 0), SIZE);
    t.ok(bytes.equals(EXPECTED));
    t.ok(threads.length > 2, 'another thread was started');
    t.match(told, [/an I\/O thread ended by itself: I\/O thread \d/, /I\/O thread \d/]);
  },
);

t.test('what I/O threads receive lies in memory that is shared with them', async (t) => {
  for (const [ioThreads, kind] of [
    [0, ArrayBuffer],
    [1, SharedArrayBuffer],
  ] as const) {
    const { client } = await start(t, [{}], { ioThreads });
    const handle = await client.open(inodeId(10));
    const slices = await handle.read(0, MiB);
    t.type(slices.parts[0]?.buffer, kind);
    slices.release();
    handle.close();
  }
});

t.test('wrong secret: said so', async (t) => {
  const master = await startSmallMaster(SECRET, FILES, { epoch: 1, members: [] });
  t.teardown(() => master.server.close(0));
  await t.rejects(connectClient({ master, secret: 'another', name: 'test' }), {
    code: 'ACCESS_DENIED',
    message: /secret/,
  });
});

t.test('nobody there: says where, and what to check', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  const connecting = connectClient({
    master: { host: '127.0.0.1', port },
    secret: SECRET,
    name: 'x',
    connectWaitMs: 200,
  });
  await t.rejects(connecting, { code: 'UNREACHABLE', message: new RegExp(`127.0.0.1:${port}.*check`) });
});

t.test('a buffer that is too small or no number is refused, as are threads by no number', async (t) => {
  for (const bufferBytes of [0, 1024, Number.NaN]) {
    const connecting = connectClient({
      master: { host: '127.0.0.1', port: 1 },
      secret: SECRET,
      name: 'x',
      bufferBytes,
    });
    await t.rejects(connecting, { code: 'INVALID' });
  }
  for (const ioThreads of [-1, 17, Number.NaN]) {
    const connecting = connectClient({
      master: { host: '127.0.0.1', port: 1 },
      secret: SECRET,
      name: 'x',
      ioThreads,
    });
    await t.rejects(connecting, { code: 'INVALID', message: /I\/O threads/ });
  }
});
