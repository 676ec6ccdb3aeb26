import { EMPTY_BODY, HEADER_BYTES, type TidecacheError } from '@tidecache/protocol';
import { t } from 'tap';
import { deferred, dial, startServer, turns } from './support/pair.js';
import { startProxy } from './support/proxy.js';
import { seeded } from './support/random.js';

const READ = 0x30;
const LONG_MS = 60_000;

const source = Buffer.alloc(300_000);
for (let i = 0; i < source.length; i++) source[i] = i * 13;

// First, so that no other test's sockets are counted.
t.test('nothing is left open after everybody has closed', async (t) => {
  const sockets = () =>
    process.getActiveResourcesInfo().filter((name) => /TCP|Pipe|Timeout/.test(name)).length;
  const before = sockets();
  const { server, address } = await startServer(t, (exchange) => {
    if (exchange.body.length === 0) exchange.reply(EMPTY_BODY);
  });
  const peers = Array.from({ length: 10 }, () => dial(t, address));
  for (const peer of peers) peer.keepConnected();
  const ask = (body: Buffer) =>
    Promise.all(peers.map((peer) => peer.request(READ, body, { deadlineMs: LONG_MS }).catch(() => {})));
  await ask(EMPTY_BODY);
  const unanswered = ask(Buffer.from('never'));
  await turns();
  await Promise.all(peers.map((peer) => peer.close()));
  await server.close();
  await unanswered;
  await turns();
  t.equal(sockets(), before);
});

t.test('bytes cut anywhere on their way, both ways', async (t) => {
  const seed = Date.now() >>> 0;
  t.comment(`seed ${seed}`);
  const random = seeded(seed);
  const cut = (chunk: Buffer): Buffer[] => {
    const parts: Buffer[] = [];
    for (let at = 0; at < chunk.length; ) {
      const bytes = 1 + Math.floor(random() * (random() < 0.5 ? 50 : 20_000));
      parts.push(chunk.subarray(at, at + bytes));
      at += bytes;
    }
    return parts;
  };
  const { address } = await startServer(t, (exchange) => {
    const bytes = exchange.body.readUInt32LE(0);
    exchange.reply(Buffer.from(exchange.body), { parts: [source.subarray(0, bytes)] });
  });
  const proxy = await startProxy(address, { up: cut, down: cut });
  t.teardown(() => proxy.close());
  const peer = dial(t, proxy.address);
  await Promise.all(
    Array.from({ length: 100 }, async () => {
      const bytes = Math.floor(random() * (random() < 0.5 ? 100 : source.length));
      const body = Buffer.alloc(4 + Math.floor(random() * 300));
      body.writeUInt32LE(bytes);
      const into = Buffer.alloc(bytes);
      const reply = await peer.request(READ, body, { deadlineMs: LONG_MS, into });
      if (!reply.body.equals(body) || !into.equals(source.subarray(0, bytes))) t.fail('differs');
    }),
  );
  t.equal(peer.inFlightBytes, 0);
});

t.test('a payload that changed on its way ends as CORRUPT; the connection goes on', async (t) => {
  let spoil = false;
  const { address } = await startServer(t, (exchange) => exchange.reply(EMPTY_BODY, { parts: [source] }));
  const proxy = await startProxy(address, {
    down: (chunk) => {
      if (!spoil || chunk.length <= HEADER_BYTES) return [chunk];
      spoil = false;
      const wrong = Buffer.from(chunk);
      wrong[wrong.length - 1]! ^= 1;
      return [wrong];
    },
  });
  t.teardown(() => proxy.close());
  let disconnected = 0;
  const peer = dial(t, proxy.address, { events: { onDisconnected: () => disconnected++ } });
  const ask = () => {
    const into = Buffer.alloc(source.length);
    return peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS, into }).then(() => into);
  };
  t.ok((await ask()).equals(source));
  spoil = true;
  await t.rejects(ask(), { code: 'CORRUPT', message: /checksum of the reply's payload/ });
  t.ok((await ask()).equals(source));
  t.equal(disconnected, 0);
});

t.test('a header that changed on its way ends the connection; its requests fail over', async (t) => {
  let spoil = false;
  const { address } = await startServer(t, (exchange) => exchange.reply(Buffer.from('fine')));
  const proxy = await startProxy(address, {
    down: (chunk) => {
      if (!spoil) return [chunk];
      spoil = false;
      const wrong = Buffer.from(chunk);
      wrong[20]! ^= 0x40;
      return [wrong];
    },
  });
  t.teardown(() => proxy.close());
  const lost = deferred<TidecacheError>();
  const peer = dial(t, proxy.address, {
    events: { onDisconnected: lost.resolve },
    limits: { backoffMinMs: 1 },
  });
  const ask = (patient: boolean) => peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS, patient });
  await ask(false);
  spoil = true;
  await t.rejects(ask(false), { code: 'UNREACHABLE', message: /checksum/ });
  t.match(await lost.promise, { code: 'UNREACHABLE' });
  t.equal((await ask(true)).body.toString(), 'fine');
});

t.test('a request that changed on its way is answered as CORRUPT', async (t) => {
  let spoil = false;
  const { address } = await startServer(t, (exchange) => exchange.reply(EMPTY_BODY));
  const proxy = await startProxy(address, {
    up: (chunk) => {
      const wrong = Buffer.from(chunk);
      if (spoil) wrong[wrong.length - 1]! ^= 1;
      spoil = false;
      return [wrong];
    },
  });
  t.teardown(() => proxy.close());
  const peer = dial(t, proxy.address);
  const ask = () => peer.request(READ, Buffer.from('question'), { deadlineMs: LONG_MS });
  await ask();
  spoil = true;
  await t.rejects(ask(), { code: 'CORRUPT' });
  await ask();
});
