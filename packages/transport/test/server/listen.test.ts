import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EMPTY_BODY, encodeHeader, HEADER_BYTES, type TidecacheError } from '@tidecache/protocol';
import { t } from 'tap';
import type { Address, Exchange, ServerConnection } from '../../src/api.js';
import { HELD_BYTES } from '../../src/limits.js';
import { listen } from '../../src/server/listen.js';
import { manualClock } from '../support/clock.js';
import { deferred, dial, LOOPBACK, SECRET, startServer, turns } from '../support/pair.js';
import { pausedPeer } from '../support/paused-peer.js';
import { seeded } from '../support/random.js';

const READ = 0x30;
const LONG_MS = 60_000;
const echo = (exchange: Exchange) => exchange.reply(Buffer.from(exchange.body));

async function rawSocket(address: Address): Promise<Socket> {
  const socket = connect(address as { host: string; port: number });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

t.test('a wrong secret is refused at both ends, which say what to check', async (t) => {
  const refused = deferred<TidecacheError>();
  const { address } = await startServer(t, echo, { onRefused: refused.resolve });
  const peer = dial(t, address, { secret: 'another' });
  const where = `127.0.0.1:${(address as { port: number }).port}`;
  const failure = await peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS }).catch((error) => error);
  t.match(failure, { code: 'ACCESS_DENIED' });
  t.ok(failure.message.includes(where), 'the address');
  t.match(failure.message, /check TIDECACHE_SECRET \/ --secret-file on both sides/);
  t.match(await refused.promise, {
    code: 'ACCESS_DENIED',
    message: /client at 127\.0\.0\.1:\d+ .*check TIDECACHE_SECRET/,
  });
});

t.test('a server that does not hold the secret is refused by the client', async (t) => {
  // It says yes to any proof: what a man in the middle would do.
  const impostor = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      const header = Buffer.from(bytes.subarray(0, HEADER_BYTES));
      const body = bytes.subarray(HEADER_BYTES);
      const common = { flags: 1, status: 0, deadlineMs: 0, payloadBytes: 0, payloadCrc: 0 };
      encodeHeader(
        {
          ...common,
          opcode: header.readUInt16LE(4),
          requestId: header.readUInt32LE(8),
          bodyBytes: body.length,
          bodyCrc: header.readUInt32LE(24),
        },
        header,
      );
      // The client's own hello, then its own proof, sent back.
      socket.write(Buffer.concat([header, body]));
    });
  });
  impostor.listen(0, '127.0.0.1');
  await once(impostor, 'listening');
  t.teardown(() => impostor.close());
  const { port } = impostor.address() as { port: number };
  const peer = dial(t, { host: '127.0.0.1', port });
  await t.rejects(peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS }), { code: 'ACCESS_DENIED' });
});

t.test('another release is refused at both ends, naming both', async (t) => {
  const refused = deferred<TidecacheError>();
  const { address } = await startServer(t, echo, { onRefused: refused.resolve, release: '3.1.4' });
  const peer = dial(t, address, { release: '3.2.0' });
  const wanted = { code: 'PROTOCOL', message: /client at .*release 3\.2\.0, this side runs 3\.1\.4/ };
  await t.rejects(peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS, patient: true }), wanted);
  t.match(await refused.promise, wanted);
  const patch = dial(t, address, { release: '3.1.99' });
  await patch.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS });
});

t.test('garbage ends its connection, and the server lives', async (t) => {
  const seed = Date.now() >>> 0;
  t.comment(`seed ${seed}`);
  const random = seeded(seed);
  const refusals: TidecacheError[] = [];
  const { address } = await startServer(t, echo, { onRefused: (error) => refusals.push(error) });
  for (let i = 0; i < 50; i++) {
    const socket = await rawSocket(address);
    socket.resume();
    const garbage = Buffer.alloc(HEADER_BYTES + Math.floor(random() * 200));
    for (let at = 0; at < garbage.length; at++) garbage[at] = random() * 256;
    socket.write(garbage);
    await once(socket, 'close');
  }
  t.equal(refusals.length, 50);
  t.ok(refusals.every(({ code }) => code === 'PROTOCOL'));
  await dial(t, address).request(READ, EMPTY_BODY, { deadlineMs: LONG_MS });
});

t.test('strangers are bounded in number, bytes and time', async (t) => {
  const clock = manualClock();
  const refusals: TidecacheError[] = [];
  const { address } = await startServer(t, echo, {
    clock,
    limits: { handshakes: 3 },
    onRefused: (error) => refusals.push(error),
  });
  const strangers = [];
  for (let i = 0; i < 3; i++) strangers.push(await rawSocket(address));
  const fourth = await rawSocket(address);
  fourth.resume();
  await once(fourth, 'close');
  t.match(refusals.pop(), { code: 'BUSY' });

  const header = Buffer.alloc(HEADER_BYTES);
  const common = { flags: 0, opcode: 1, status: 0, requestId: 1, deadlineMs: 1, bodyCrc: 0, payloadCrc: 0 };
  encodeHeader({ ...common, bodyBytes: 1 << 20, payloadBytes: 0 }, header);
  const [greedy, ...slow] = strangers;
  greedy!.resume();
  greedy!.write(header);
  await once(greedy!, 'close');
  t.match(refusals.pop(), { code: 'PROTOCOL', message: /1048576 bytes/ });

  const closed = slow.map((socket) => once(socket.resume(), 'close'));
  clock.advance(4000);
  await Promise.all(closed);
  t.match(refusals, [{ code: 'TIMEOUT' }, { code: 'TIMEOUT' }]);
  await dial(t, address).request(READ, EMPTY_BODY, { deadlineMs: LONG_MS });
});

t.test('a client that takes nothing is dropped, its memory freed, and others are served', async (t) => {
  const clock = manualClock();
  const refused = deferred<TidecacheError>();
  const closed = deferred();
  let [asked, sent] = [0, 0];
  const memory = Buffer.alloc(4 << 20);
  const { address } = await startServer(
    t,
    (exchange) => {
      if (exchange.body.length > 1) return echo(exchange);
      asked++;
      exchange.reply(EMPTY_BODY, { parts: [memory], onSent: () => sent++ });
    },
    {
      clock,
      limits: { queuedBytes: 16 << 20 },
      onRefused: refused.resolve,
      onConnection: (connection) => connection.onClose(() => closed.resolve()),
    },
  );
  const reader = await pausedPeer(t, address);
  reader.ask(100);
  while (asked < 4) await turns(1);
  await turns(50);
  t.ok(asked < 12, `${asked} of 100 requests were taken up while replies were not drained`);
  const other = await dial(t, address).request(READ, Buffer.from('me too'), { deadlineMs: LONG_MS });
  t.equal(other.body.toString(), 'me too');
  clock.advance(16_000);
  t.match(await refused.promise, { code: 'TIMEOUT', message: /took no bytes/ });
  await closed.promise;
  t.equal(sent, asked, 'every payload was let go of once');
});

t.test('requests of one connection are served within the bound, all of them', async (t) => {
  let [now, most] = [0, 0];
  const { address } = await startServer(
    t,
    (exchange) => {
      most = Math.max(most, ++now);
      setImmediate(() => {
        now--;
        exchange.reply(EMPTY_BODY);
      });
    },
    { limits: { exchanges: 7 } },
  );
  const peer = dial(t, address);
  await Promise.all(
    Array.from({ length: 500 }, (_, i) => peer.request(READ, Buffer.of(i & 255), { deadlineMs: LONG_MS })),
  );
  t.equal(most, 7);
});

t.test('a request whose deadline passes is abandoned at the server', async (t) => {
  const clock = manualClock();
  const taken = deferred<Exchange>();
  const { address } = await startServer(t, (exchange) => taken.resolve(exchange), { clock });
  const peer = dial(t, address);
  const request = peer.request(READ, EMPTY_BODY, { deadlineMs: 5000 }).catch(() => {});
  const exchange = await taken.promise;
  const before = Date.now();
  t.ok(exchange.deadlineAt - before <= 5000 && exchange.deadlineAt - before > 0);
  let heard = 0;
  exchange.onAbandoned(() => heard++);
  clock.advance(4900);
  t.equal(exchange.abandoned, false);
  clock.advance(200);
  t.equal(exchange.abandoned, true);
  exchange.onAbandoned(() => heard++);
  t.equal(heard, 2, 'also when it is over already');
  await peer.close();
  await request;
});

t.test('pushes arrive in order; a connection that does not take them is dropped', async (t) => {
  const joined = deferred<ServerConnection>();
  const refused = deferred<TidecacheError>();
  const { address } = await startServer(t, echo, {
    onConnection: joined.resolve,
    onRefused: refused.resolve,
    limits: { queuedPushBytes: 4 << 20 },
  });
  const all = deferred();
  const seen: string[] = [];
  const peer = dial(t, address, {
    events: {
      onPush: (opcode, body) => {
        seen.push(`${opcode}:${body}`);
        if (seen.length === 3) all.resolve();
      },
    },
  });
  peer.keepConnected();
  const connection = await joined.promise;
  t.match(connection.remote, /^client at 127\.0\.0\.1:\d+$/);
  for (const text of ['a', 'b', 'c']) connection.push(0x40, Buffer.from(text));
  await all.promise;
  t.same(seen, ['64:a', '64:b', '64:c']);
  const ended = deferred();
  connection.onClose(() => ended.resolve());
  for (let i = 0; i < 8; i++) connection.push(0x40, Buffer.alloc(1 << 20));
  t.match(await refused.promise, { code: 'BUSY' });
  await ended.promise;
});

t.test('close lets requests in flight end, then ends the rest', async (t) => {
  const quick = deferred<Exchange>();
  const stuck = deferred<Exchange>();
  const { server, address } = await startServer(t, (exchange) =>
    (exchange.body.toString() === 'quick' ? quick : stuck).resolve(exchange),
  );
  const ask = (text: string) => dial(t, address).request(READ, Buffer.from(text), { deadlineMs: LONG_MS });
  const [answered, never] = [ask('quick'), t.rejects(ask('stuck'), { code: 'UNREACHABLE' })];
  const [first, second] = [await quick.promise, await stuck.promise];
  const closing = server.close(50);
  first.reply(Buffer.from('in time'));
  t.equal((await answered).body.toString(), 'in time');
  await closing;
  await never;
  t.equal(second.abandoned, true);
});

t.test('a client that has gone is noticed, also while no more of its requests are taken on', async (t) => {
  const taken = deferred<Exchange>();
  const { address } = await startServer(t, (exchange) => taken.resolve(exchange), {
    clock: manualClock(),
    limits: { exchanges: 1 },
  });
  const client = await pausedPeer(t, address);
  client.ask(2);
  const abandoned = deferred();
  (await taken.promise).onAbandoned(() => abandoned.resolve());
  client.leave();
  await abandoned.promise;
});

t.test('close does not wait for a client that has gone', async (t) => {
  const taken = deferred<Exchange>();
  const { server, address } = await startServer(t, (exchange) => taken.resolve(exchange), {
    clock: manualClock(),
  });
  const client = await pausedPeer(t, address);
  client.ask(1);
  const exchange = await taken.promise;
  const closing = server.close();
  client.ask(100);
  client.leave();
  await closing;
  t.equal(exchange.abandoned, true);
});

t.test('what is not taken on waits at the client, and comes when there is room', async (t) => {
  const seen: number[] = [];
  const served: Exchange[] = [];
  const { address } = await startServer(
    t,
    (exchange) => {
      seen.push(exchange.body[0]!);
      served.push(exchange);
    },
    { limits: { exchanges: 1 } },
  );
  const client = await pausedPeer(t, address);
  client.ask(300_000);
  let before = -1;
  while (seen.length === 0 || client.waitingBytes !== before) {
    before = client.waitingBytes;
    await turns(50);
  }
  t.ok(client.waitingBytes > 0, `${client.waitingBytes} bytes`);
  t.same(seen, [1]);
  // More than it held, so that it has to read on.
  const most = Math.ceil((3 * HELD_BYTES) / HEADER_BYTES);
  for (let i = 0; i < most; i++) {
    while (served[i] === undefined) await turns(1);
    served[i]!.reply(EMPTY_BODY);
  }
  t.ok(seen.every((id, i) => id === ((i + 1) & 255)));
});

t.test('Unix-domain sockets: the same, also over a file that a dead process left', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tidecache-transport-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const unixPath = join(folder, 'socket');
  const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script, unixPath]);
  t.ok(existsSync(unixPath));
  const { server, address } = await startServer(t, echo, { addresses: [{ unixPath }, LOOPBACK] });
  t.same(address, { unixPath });
  const peer = dial(t, address);
  t.equal((await peer.request(READ, Buffer.from('u'), { deadlineMs: LONG_MS })).body.toString(), 'u');
  await t.rejects(listen({ addresses: [{ unixPath }], secret: SECRET, name: 'second', handler: echo }), {
    code: 'ALREADY_EXISTS',
    message: /EADDRINUSE/,
  });
  t.equal(
    (await peer.request(READ, Buffer.from('v'), { deadlineMs: LONG_MS })).body.toString(),
    'v',
    'still its own',
  );
  const tcp = dial(t, server.addresses[1]!);
  t.equal((await tcp.request(READ, Buffer.from('t'), { deadlineMs: LONG_MS })).body.toString(), 't');
});

t.test('what can not be listened on or dialled is named with its reason', async (t) => {
  const { address } = await startServer(t, echo);
  const base = { secret: SECRET, name: 'server', handler: echo };
  const attempt = (one: Address) => listen({ ...base, addresses: [LOOPBACK, one] });
  await t.rejects(attempt(address), {
    code: 'ALREADY_EXISTS',
    message: /127\.0\.0\.1:\d+: another process listens/,
  });
  await t.rejects(attempt({ host: '203.0.113.7', port: 0 }), { code: 'INVALID', message: /no such address/ });
  await t.rejects(attempt({ host: '127.0.0.1', port: 70_000 }), { code: 'INVALID' });
  await t.rejects(attempt({ unixPath: `/tmp/${'x'.repeat(200)}` }), { code: 'INVALID', message: /shorter/ });
  await t.rejects(listen({ ...base, secret: '', addresses: [LOOPBACK] }), {
    code: 'INVALID',
    message: /secret/,
  });
  t.throws(() => dial(t, LOOPBACK), { code: 'INVALID' });
});

t.test('what is told comes after the requests before it, and has no reply', async (t) => {
  const seen: string[] = [];
  const last = deferred();
  const { address } = await startServer(
    t,
    (exchange) => {
      seen.push(`asked ${exchange.body}`);
      exchange.reply(EMPTY_BODY);
    },
    {
      onTold: (_connection, opcode, body) => {
        seen.push(`told ${opcode} ${body}`);
        if (seen.length === 4) last.resolve();
      },
    },
  );
  const peer = dial(t, address);
  t.notOk(peer.tell(READ, Buffer.from('nobody')), 'not connected yet');
  await peer.request(READ, Buffer.from('a'), { deadlineMs: LONG_MS });
  const asked = peer.request(READ, Buffer.from('b'), { deadlineMs: LONG_MS });
  t.ok(peer.tell(0x32, Buffer.from('c')));
  t.ok(peer.tell(0x32, Buffer.from('d')));
  await asked;
  await last.promise;
  t.same(seen, ['asked a', 'asked b', 'told 50 c', 'told 50 d']);
});

t.test('a connection that lingers is ended by its client alone', async (t) => {
  const joined = deferred<ServerConnection>();
  const { server, address } = await startServer(t, echo, { onConnection: joined.resolve });
  const down = deferred();
  const peer = dial(t, address, {
    events: { onDisconnected: () => down.resolve() },
    limits: { pingAfterMs: 30, deadAfterMs: 60 },
  });
  await peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS });
  const connection = await joined.promise;
  let closed = false;
  connection.onClose(() => {
    closed = true;
  });
  connection.linger();
  connection.destroy();
  await turns(20);
  t.notOk(closed, 'the client may still look at what it was lent');
  await t.rejects(peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS }), { code: 'UNREACHABLE' });
  await down.promise;
  while (!closed) await turns(1);
  t.pass('silence made the client end it');

  const other = dial(t, address);
  await other.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS });
  await server.close(0);
  t.pass('a server that closes does not wait for it');
});
