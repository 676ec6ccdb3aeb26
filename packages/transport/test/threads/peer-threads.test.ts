import { EMPTY_BODY, type TidecacheError } from '@tidecache/protocol';
import { type Test, t } from 'tap';
import type { Exchange } from '../../src/api.js';
import { createPeerThreads, type PeerThreadsInit } from '../../src/threads/peer-threads.js';
import { deferred, SECRET, startServer, turns } from '../support/pair.js';
import { pattern } from '../support/pattern.js';
import { type Dial, peerCompliance } from '../support/peer-compliance.js';
import { startProxy } from '../support/proxy.js';
import { startedThreads } from '../support/started-threads.js';

const READ = 0x30;
const LONG_MS = 60_000;

/** Threads that end with the test, after the peers that were dialled by them. */
function startThreads(t: Test, init: Partial<PeerThreadsInit> = {}) {
  const threads = createPeerThreads({ threads: 1, ...init });
  t.teardown(() => threads.close());
  const dial = (...[t, address, more]: Parameters<Dial>) => {
    const peer = threads.createPeer({ address, secret: SECRET, name: 'client', ...more });
    t.teardown(() => peer.close());
    return peer;
  };
  return { threads, dial };
}

t.test('peers in threads are peers', async (t) => peerCompliance(t, startThreads(t, { threads: 2 }).dial));

t.test(
  'memory that the thread can not see is filled all the same, part by part of a larger one',
  async (t) => {
    const source = pattern(300_000);
    const { address } = await startServer(t, (exchange) => {
      exchange.reply(EMPTY_BODY, { parts: [source.subarray(0, 100_000)] }, { more: true });
      exchange.reply(Buffer.from('end'), { parts: [source.subarray(100_000)] });
    });
    const peer = startThreads(t).dial(t, address);
    for (const whole of [Buffer.alloc(310_000), Buffer.from(new SharedArrayBuffer(310_000))]) {
      const progress: number[] = [];
      const { body, payloadBytes } = await peer.request(READ, EMPTY_BODY, {
        deadlineMs: LONG_MS,
        into: whole.subarray(7, 300_007),
        onProgress: (bytes) => progress.push(bytes),
      });
      t.equal(body.toString(), 'end');
      t.equal(payloadBytes, 300_000);
      t.equal(progress.at(-1), 300_000);
      t.ok(whole.subarray(7, 300_007).equals(source));
      t.ok(
        whole.subarray(0, 7).equals(Buffer.alloc(7)) && whole.subarray(300_007).equals(Buffer.alloc(9_993)),
      );
    }
  },
);

t.test('a part is there before the whole, with word of it', async (t) => {
  const rest = deferred<Exchange>();
  const { address } = await startServer(t, (exchange) => {
    exchange.reply(EMPTY_BODY, { parts: [Buffer.from('01234')] }, { more: true });
    rest.resolve(exchange);
  });
  const peer = startThreads(t).dial(t, address);
  const into = Buffer.from(new SharedArrayBuffer(10));
  const half = deferred<number>();
  const options = { deadlineMs: LONG_MS, into, onProgress: half.resolve };
  const reply = peer.request(READ, EMPTY_BODY, options);
  t.equal(await half.promise, 5);
  t.equal(into.toString('utf8', 0, 5), '01234');
  t.equal(peer.inFlightBytes, 5);
  (await rest.promise).reply(EMPTY_BODY, { parts: [Buffer.from('56789')] });
  await reply;
  t.equal(into.toString(), '0123456789');
  t.equal(peer.inFlightBytes, 0);
});

t.test('what a connection brings: up, pushes, what it is told, down, and up again', async (t) => {
  const told = deferred<string>();
  const { address } = await startServer(
    t,
    (exchange) => {
      exchange.connection.push(READ, Buffer.from('pushed'));
      exchange.reply(EMPTY_BODY);
    },
    { onTold: (_, opcode, body) => told.resolve(`${opcode} ${body}`) },
  );
  const proxy = await startProxy(address, {});
  t.teardown(() => proxy.close());
  const { threads } = startThreads(t);
  let up = deferred();
  const down = deferred<TidecacheError>();
  const pushed = deferred<string>();
  const peer = threads.createPeer({
    address: proxy.address,
    secret: SECRET,
    name: 'client',
    limits: { backoffMinMs: 1 },
    events: {
      onConnected: () => up.resolve(),
      onDisconnected: down.resolve,
      onPush: (opcode, body) => pushed.resolve(`${opcode} ${body}`),
    },
  });
  t.teardown(() => peer.close());
  t.equal(peer.tell(READ, EMPTY_BODY), false, 'nobody is there to be told');
  peer.keepConnected();
  await up.promise;
  t.equal(peer.connected, true);
  t.equal(peer.tell(READ, Buffer.from('by the way')), true);
  t.equal(await told.promise, `${READ} by the way`);
  await peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS });
  t.equal(await pushed.promise, `${READ} pushed`);
  up = deferred();
  proxy.cut();
  t.match(await down.promise, { code: 'UNREACHABLE' });
  await up.promise;
});

t.test('errors are told as they are', async (t) => {
  const { server, address } = await startServer(t, () => {});
  const { threads, dial } = startThreads(t);
  const stranger = threads.createPeer({ address, secret: 'quite another secret', name: 'client' });
  t.teardown(() => stranger.close());
  await t.rejects(stranger.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS }), { code: 'ACCESS_DENIED' });
  const peer = dial(t, address);
  await t.rejects(peer.request(READ, EMPTY_BODY, { deadlineMs: 30 }), { code: 'TIMEOUT', message: /30 ms/ });
  await t.rejects(peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS, silenceMs: 20 }), {
    code: 'TIMEOUT',
    message: /no byte for 20 ms/,
  });
  const payload = [Buffer.from('payload')];
  await t.rejects(peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS, payload }), { code: 'UNSUPPORTED' });
  await server.close(0);
  await t.rejects(dial(t, address).request(READ, EMPTY_BODY, { deadlineMs: LONG_MS }), {
    code: 'UNREACHABLE',
    message: /ECONNREFUSED/,
  });
});

t.test(
  'a thread that dies fails what it was asked; the next one serves; others are not touched',
  async (t) => {
    const arrived: Exchange[] = [];
    const both = deferred();
    const { address } = await startServer(t, (exchange) => {
      if (exchange.body.toString() !== 'wait') exchange.reply(Buffer.from(exchange.body));
      else if (arrived.push(exchange) === 2) both.resolve();
    });
    const started = startedThreads();
    const ends: TidecacheError[] = [];
    const { threads, dial } = startThreads(t, {
      threads: 2,
      random: () => 0,
      start: started.start,
      onThreadEnded: (error) => ends.push(error),
    });
    const peers = [dial(t, address), dial(t, address)] as const;
    const options = { deadlineMs: LONG_MS, into: Buffer.from(new SharedArrayBuffer(8)) };
    const [lost, kept] = peers.map((peer) => peer.request(READ, Buffer.from('wait'), options));
    await both.promise;
    t.equal(started.threads.length, 2, 'one each');
    const failed = t.rejects(lost!, { code: 'UNREACHABLE', message: /I\/O thread 0/ });
    await started.threads[0]!.terminate();
    await failed;
    t.match(ends, [{ code: 'UNREACHABLE' }]);
    t.equal(peers[0].connected, false);
    t.equal(peers[0].inFlightBytes, 0);
    arrived[0]!.reply(EMPTY_BODY);
    arrived[1]!.reply(EMPTY_BODY);
    await kept;
    // It pauses first, and says so at once.
    const again = async (): Promise<string> => {
      try {
        const { body } = await peers[0].request(READ, Buffer.from('again'), { deadlineMs: LONG_MS });
        return body.toString();
      } catch (error) {
        if ((error as TidecacheError).code !== 'UNREACHABLE') throw error;
        await turns(1);
        return again();
      }
    };
    t.equal(await again(), 'again');
    t.equal(started.threads.length, 3);
    await Promise.all(peers.map((peer) => peer.close()));
    await threads.close();
    t.equal(ends.length, 1, 'an end that was asked for is no news');
    await t.rejects(peers[0].request(READ, EMPTY_BODY, options), { code: 'CANCELLED' });
  },
);

t.test('a kept peer finds its way into the next thread by itself', async (t) => {
  const { address } = await startServer(t, () => {});
  const started = startedThreads();
  const { threads } = startThreads(t, { random: () => 0, start: started.start });
  const ups = [deferred(), deferred()];
  let count = 0;
  const events = { onConnected: () => ups[count++]!.resolve() };
  const peer = threads.createPeer({ address, secret: SECRET, name: 'client', events });
  t.teardown(() => peer.close());
  peer.keepConnected();
  await ups[0]!.promise;
  await started.threads[0]!.terminate();
  await ups[1]!.promise;
  t.equal(started.threads.length, 2);
});

t.test('a thread that throws ends, and says what it threw', async (t) => {
  const { address } = await startServer(t, () => {});
  const started = startedThreads();
  const { dial } = startThreads(t, { start: started.start });
  const request = dial(t, address).request(READ, EMPTY_BODY, { deadlineMs: LONG_MS });
  // It knows no peer of that number.
  started.threads[0]!.postMessage({
    numbers: [2, 9, 99, 1, 1, 0, 1, 0, -1, 0, 0, 0],
    bytes: new Uint8Array(0),
    shared: [],
  });
  await t.rejects(request, { code: 'UNREACHABLE', message: 'I/O thread 0: no peer 99 in this thread' });
});

t.test('numbers of threads that can not be', async (t) => {
  for (const threads of [0, 1.5, 17, Number.NaN])
    t.throws(() => createPeerThreads({ threads }), { code: 'INVALID' });
});
