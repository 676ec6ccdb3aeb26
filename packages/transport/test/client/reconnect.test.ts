import { EMPTY_BODY, type TidecacheError } from '@tidecache/protocol';
import { t } from 'tap';
import { Backoff } from '../../src/client/backoff.js';
import { listen } from '../../src/server/listen.js';
import { deferred, dial, LOOPBACK, SECRET, startServer } from '../support/pair.js';
import { startProxy } from '../support/proxy.js';

const READ = 0x30;
const LONG_MS = 60_000;

t.test('back-off doubles up to its bound, each pause in its upper half', async (t) => {
  const low = new Backoff(50, 2000, () => 0);
  const pauses = Array.from({ length: 8 }, () => low.nextMs());
  t.same(pauses, [25, 50, 100, 200, 400, 800, 1000, 1000]);
  low.reset();
  t.equal(low.nextMs(), 25);
  t.equal(new Backoff(50, 2000, () => 0.5).nextMs(), 37.5);
});

t.test('a request fails over at once when nobody listens, and again during the pause', async (t) => {
  const { server, address } = await startServer(t, () => {});
  await server.close();
  const peer = dial(t, address, { limits: { backoffMinMs: LONG_MS, backoffMaxMs: LONG_MS } });
  const ask = () => peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS });
  await t.rejects(ask(), { code: 'UNREACHABLE', message: /ECONNREFUSED/ });
  await t.rejects(ask(), { code: 'UNREACHABLE', message: /ECONNREFUSED/ });
});

t.test(
  'requests in flight end as UNREACHABLE when the connection breaks; patient ones are asked again',
  async (t) => {
    let asked = 0;
    let arrived = deferred();
    const { address } = await startServer(t, (exchange) => {
      asked++;
      if (asked === 3) exchange.reply(Buffer.from('second time'), { parts: [Buffer.from('56789')] });
      else if (exchange.body.toString() === 'patient') {
        exchange.reply(EMPTY_BODY, { parts: [Buffer.from('01234')] }, { more: true });
      }
      if (asked === 2) arrived.resolve();
    });
    const proxy = await startProxy(address, {});
    t.teardown(() => proxy.close());
    const lost = deferred<TidecacheError>();
    const peer = dial(t, proxy.address, {
      events: { onDisconnected: lost.resolve },
      limits: { backoffMinMs: 1 },
    });
    const into = Buffer.alloc(5);
    const got = deferred();
    const plain = peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS });
    const patient = peer.request(READ, Buffer.from('patient'), {
      deadlineMs: LONG_MS,
      patient: true,
      into,
      onProgress: () => got.resolve(),
    });
    await arrived.promise;
    await got.promise;
    arrived = deferred();
    proxy.cut();
    await t.rejects(plain, { code: 'UNREACHABLE' });
    const reply = await patient;
    t.equal(reply.body.toString(), 'second time');
    t.equal(into.toString(), '56789', 'started over');
    t.equal(peer.inFlightBytes, 0);
    t.match(await lost.promise, { code: 'UNREACHABLE' });
  },
);

t.test(
  'a patient call waits for a server that is not there yet; keepConnected finds it by itself',
  async (t) => {
    const { server, address } = await startServer(t, () => {});
    await server.close();
    const connected = deferred();
    const kept = dial(t, address, {
      events: { onConnected: connected.resolve },
      limits: { backoffMinMs: 1 },
    });
    kept.keepConnected();
    const peer = dial(t, address, { limits: { backoffMinMs: 1 } });
    const call = peer.request(READ, Buffer.from('hello'), { deadlineMs: LONG_MS, patient: true });
    const again = await listen({
      addresses: [address],
      secret: SECRET,
      name: 'server',
      handler: (exchange) => exchange.reply(Buffer.from(exchange.body)),
    });
    t.teardown(() => again.close(0));
    t.equal((await call).body.toString(), 'hello');
    await connected.promise;
  },
);

t.test('a patient call ends at its deadline, saying why there was no connection', async (t) => {
  const { server, address } = await startServer(t, () => {});
  await server.close();
  const peer = dial(t, address);
  await t.rejects(peer.request(READ, EMPTY_BODY, { deadlineMs: 60, patient: true }), {
    code: 'TIMEOUT',
    message: /not connected: .*ECONNREFUSED/,
  });
});

t.test('after a restart of the server on its port, requests work again', async (t) => {
  const handler = (exchange: { body: Buffer; reply(body: Buffer): void }) =>
    exchange.reply(Buffer.from(exchange.body));
  const first = await listen({ addresses: [LOOPBACK], secret: SECRET, name: 'server', handler });
  const address = first.addresses[0]!;
  const down = deferred<TidecacheError>();
  const peer = dial(t, address, { events: { onDisconnected: down.resolve }, limits: { backoffMinMs: 1 } });
  await peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS });
  await first.close(0);
  await down.promise;
  t.equal(peer.connected, false);
  const second = await listen({ addresses: [address], secret: SECRET, name: 'server', handler });
  t.teardown(() => second.close(0));
  const reply = await peer.request(READ, Buffer.from('again'), { deadlineMs: LONG_MS, patient: true });
  t.equal(reply.body.toString(), 'again');
});
