import { EMPTY_BODY, type TidecacheError } from '@tidecache/protocol';
import { t } from 'tap';
import type { Exchange } from '../../src/api.js';
import { manualClock } from '../support/clock.js';
import { deferred, dial, startServer, turns } from '../support/pair.js';
import { pattern } from '../support/pattern.js';
import { peerCompliance } from '../support/peer-compliance.js';
import { startProxy } from '../support/proxy.js';

const READ = 0x30;
const LONG_MS = 60_000;

peerCompliance(t, dial);

t.test('a request carries a payload', async (t) => {
  const { address } = await startServer(t, (exchange) => exchange.reply(Buffer.from(exchange.payload)));
  const peer = dial(t, address);
  const payload = pattern(200_000, true);
  const parts = [payload.subarray(0, 1000), payload.subarray(1000)];
  const reply = await peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS, payload: parts });
  t.ok(reply.body.equals(payload));
});

t.test('deadline and silence, by the clock', async (t) => {
  const served: Exchange[] = [];
  let arrived = deferred();
  const { address } = await startServer(t, (exchange) => {
    served.push(exchange);
    arrived.resolve();
  });
  const clock = manualClock();
  // No pings: their silence would end the connection first.
  const peer = dial(t, address, { clock, limits: { pingAfterMs: LONG_MS } });
  const slow = peer.request(READ, EMPTY_BODY, { deadlineMs: 1000 });
  await arrived.promise;
  clock.advance(990);
  await turns();
  clock.advance(30);
  await t.rejects(slow, { code: 'TIMEOUT', message: /1000 ms/ });

  arrived = deferred();
  const into = Buffer.alloc(20);
  const half = deferred();
  const silent = peer.request(READ, EMPTY_BODY, {
    deadlineMs: LONG_MS,
    silenceMs: 500,
    into,
    onProgress: () => half.resolve(),
  });
  await arrived.promise;
  clock.advance(400);
  served.at(-1)!.reply(EMPTY_BODY, { parts: [Buffer.from('0123456789')] }, { more: true });
  await half.promise;
  clock.advance(450);
  t.equal(peer.inFlightBytes, 10, 'still waiting: its first half broke the silence');
  clock.advance(70);
  await t.rejects(silent, { code: 'TIMEOUT', message: /no byte for 500 ms \(10 bytes came\)/ });
  t.equal(peer.inFlightBytes, 0);
  t.equal(peer.connected, true, 'one slow request does not end the connection');
});

t.test('silence counts what comes for requests before this one, not for those after it', async (t) => {
  const served: Exchange[] = [];
  const three = deferred();
  const { address } = await startServer(t, (exchange) => {
    if (served.push(exchange) === 3) three.resolve();
  });
  const clock = manualClock();
  const peer = dial(t, address, { clock, limits: { pingAfterMs: LONG_MS } });
  const heard = Array.from({ length: 3 }, () => deferred());
  const outcome: string[] = [];
  const requests = heard.map((one, i) =>
    peer
      .request(READ, EMPTY_BODY, {
        deadlineMs: LONG_MS,
        silenceMs: 500,
        into: Buffer.alloc(100),
        onProgress: () => one.resolve(),
      })
      .then(
        () => outcome.push(`${i} whole`),
        (error: TidecacheError) => outcome.push(`${i} ${error.code}`),
      ),
  );
  await three.promise;
  clock.advance(400);
  served[1]!.reply(EMPTY_BODY, { parts: [Buffer.alloc(10)] }, { more: true });
  await heard[1]!.promise;
  clock.advance(300);
  await requests[0];
  t.same(outcome, ['0 TIMEOUT'], 'passed over by the second');
  clock.advance(100);
  for (const exchange of served) exchange.reply(EMPTY_BODY);
  await Promise.all(requests);
  t.same(outcome, ['0 TIMEOUT', '1 whole', '2 whole'], 'the third stood in line behind the second');
});

t.test(
  'a server that stops in the middle of a payload does not hold a cancelled request for long',
  async (t) => {
    const { address } = await startServer(t, (exchange) =>
      exchange.reply(EMPTY_BODY, { parts: [pattern(1 << 20)] }),
    );
    let passed = 0;
    const stuck = deferred();
    const proxy = await startProxy(address, {
      down: (chunk) => {
        passed += chunk.length;
        if (passed <= 300_000) return [chunk];
        setImmediate(() => stuck.resolve());
        return [];
      },
    });
    t.teardown(() => proxy.close());
    const clock = manualClock();
    const peer = dial(t, proxy.address, { clock, limits: { pingAfterMs: LONG_MS } });
    const controller = new AbortController();
    const into = Buffer.alloc(1 << 20);
    const request = peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS, into, signal: controller.signal });
    const outcome = t.rejects(request, { code: 'CANCELLED' });
    await stuck.promise;
    await turns();
    controller.abort();
    await turns();
    clock.advance(1000);
    await outcome;
    t.equal(peer.connected, false, 'the connection was stuck for everyone');
  },
);

t.test('a peer that is silent, a ping included, is given up for all its requests', async (t) => {
  let swallow = false;
  const { address } = await startServer(t, (exchange) => exchange.reply(EMPTY_BODY));
  const proxy = await startProxy(address, { up: (chunk) => (swallow ? [] : [chunk]) });
  t.teardown(() => proxy.close());
  const clock = manualClock();
  const lost = deferred<TidecacheError>();
  const peer = dial(t, proxy.address, { clock, events: { onDisconnected: lost.resolve } });
  const ask = () => peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS });
  await ask();
  swallow = true;
  const outcomes = [
    t.rejects(ask(), { code: 'UNREACHABLE', message: /silent/ }),
    t.rejects(ask(), { code: 'UNREACHABLE' }),
  ];
  await turns();
  clock.advance(1100);
  await turns();
  t.equal(peer.connected, true, 'asked for a sign of life');
  clock.advance(1600);
  await Promise.all(outcomes);
  t.match(await lost.promise, { code: 'UNREACHABLE' });
});

t.test('a busy server that answers pings keeps its slow requests', async (t) => {
  const slow = deferred<Exchange>();
  const { address } = await startServer(t, (exchange) => slow.resolve(exchange));
  const clock = manualClock();
  const peer = dial(t, address, { clock });
  const request = peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS });
  const exchange = await slow.promise;
  for (let i = 0; i < 20; i++) {
    clock.advance(500);
    await turns();
  }
  exchange.reply(Buffer.from('done'));
  t.equal((await request).body.toString(), 'done');
});
