/** Real sockets, plain and TLS, against a server that answers as the test says. */

import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { type Test, t } from 'tap';
import { HttpClient } from '../../src/http/client.js';
import { MAX_DATA_CONNECTIONS } from '../../src/limits.js';
import { CERTIFICATE, PRIVATE_KEY } from '../support/certificate.js';

const SIZE = 1024 * 1024;
const BODY = Buffer.alloc(SIZE, 'tidecache ');
const HEAD = `HTTP/1.1 200 OK\r\ncontent-length: ${SIZE}\r\n`;

/** Answers each request with `answer`; `requests` are those that came. */
async function serve(t: Test, tls: boolean, answer: (socket: Socket, request: string) => void) {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const onSocket = (socket: Socket) => {
    connections++;
    sockets.add(socket);
    let text = '';
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        requests.push(text.slice(0, end));
        answer(socket, text.slice(0, end));
        text = text.slice(end + 4);
      }
    });
  };
  const server: Server = tls
    ? createTlsServer({ cert: CERTIFICATE, key: PRIVATE_KEY }, onSocket)
    : createServer(onSocket);
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const client = new HttpClient({ ca: CERTIFICATE });
  t.teardown(() => {
    client.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const origin = `${tls ? 'https' : 'http'}://localhost:${(server.address() as AddressInfo).port}`;
  return { client, origin, requests, sockets, connections: () => connections };
}

/** One GET into a buffer of its own. */
function get(client: HttpClient, origin: string, options: { silenceMs?: number; path?: string } = {}) {
  const into = Buffer.alloc(SIZE);
  const progress: number[] = [];
  let onProgress = () => {};
  let status = 0;
  let text = '';
  let callOff = (_error: Error) => {};
  const ended = new Promise<void>((resolve, reject) => {
    callOff = client.get(
      { origin, path: options.path ?? '/a', headers: { range: 'bytes=0-' } },
      {
        silenceMs: options.silenceMs ?? 10_000,
        sink: {
          head: (head) => {
            status = head.status;
            return typeof head.framing === 'object' && head.framing.bytes === SIZE ? into : undefined;
          },
          filled: (bytes) => {
            progress.push(bytes);
            onProgress();
          },
          data: (bytes) => {
            text += bytes.toString('latin1');
          },
        },
        onEnd: (error) => (error ? reject(error) : resolve()),
      },
    );
  });
  const halfWay = new Promise<void>((resolve) => {
    onProgress = () => progress.at(-1)! >= SIZE / 2 && resolve();
  });
  return { into, progress, ended, halfWay, callOff, status: () => status, text: () => text };
}

for (const tls of [false, true]) {
  t.test(tls ? 'TLS' : 'plain', async (t) => {
    await t.test('bodies arrive in place, one after another on one connection', async (t) => {
      const { client, origin, requests, connections } = await serve(t, tls, (socket) => {
        socket.write(`${HEAD}\r\n`);
        socket.write(BODY);
      });
      for (let i = 0; i < 3; i++) {
        const one = get(client, origin);
        await one.ended;
        t.ok(one.into.equals(BODY));
        t.ok(one.progress.every((bytes, at) => at === 0 || bytes > one.progress[at - 1]!));
        t.equal(one.progress.at(-1), SIZE);
      }
      t.equal(connections(), 1);
      t.equal(requests[0], `GET /a HTTP/1.1\r\nhost: ${new URL(origin).host}\r\nrange: bytes=0-`);
    });

    await t.test('called off half-way: told at once, and nothing is written any more', async (t) => {
      const { client, origin, sockets } = await serve(t, tls, (socket) => {
        socket.write(`${HEAD}\r\n`);
        socket.write(BODY.subarray(0, SIZE * 0.75));
      });
      const one = get(client, origin);
      await one.halfWay;
      one.callOff(new Error('not wanted'));
      one.into.fill(0);
      const [server] = sockets;
      const closed = new Promise((resolve) => server?.once('close', resolve));
      server?.write(BODY.subarray(SIZE * 0.75));
      await t.rejects(one.ended, { message: 'not wanted' });
      await closed;
      t.ok(one.into.equals(Buffer.alloc(SIZE)), 'the memory is its owner’s again');
    });

    await t.test('a connection that ends before the answer does', async (t) => {
      const { client, origin } = await serve(t, tls, (socket) => {
        socket.write(`${HEAD}\r\n`);
        socket.end(BODY.subarray(0, 100));
      });
      await t.rejects(get(client, origin).ended, { code: 'HTTP_CUT' });
    });

    await t.test('a body that ends with the connection', async (t) => {
      const { client, origin, connections } = await serve(t, tls, (socket) =>
        socket.end('HTTP/1.1 500 Oh\r\n\r\nno'),
      );
      for (let i = 0; i < 2; i++) {
        const one = get(client, origin);
        await one.ended;
        t.equal(one.status(), 500);
        t.equal(one.text(), 'no');
      }
      t.equal(connections(), 2);
    });
  });
}

t.test('a certificate that is not trusted', async (t) => {
  const { origin } = await serve(t, true, () => {});
  const client = new HttpClient();
  t.teardown(() => client.close());
  await t.rejects(get(client, origin).ended, { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
});

t.test('a connection that the server does not keep is not used again', async (t) => {
  for (const hint of ['connection: close', 'keep-alive: timeout=1']) {
    const { client, origin, connections } = await serve(t, false, (socket) => {
      socket.write(`${HEAD}${hint}\r\n\r\n`);
      socket.write(BODY);
    });
    await get(client, origin).ended;
    await get(client, origin).ended;
    t.equal(connections(), 2, hint);
  }
});

t.test('a free connection that the server closes, or speaks on unasked', async (t) => {
  for (const misdeed of [
    (socket: Socket) => socket.end(),
    (socket: Socket) => socket.write('HTTP/1.1 408 '),
  ]) {
    const { client, origin, sockets, connections } = await serve(t, false, (socket) => {
      socket.write(`${HEAD}\r\n`);
      socket.write(BODY);
    });
    await get(client, origin).ended;
    const [server] = sockets;
    const closed = new Promise((resolve) => server!.once('close', resolve));
    misdeed(server!);
    await closed;
    const one = get(client, origin);
    await one.ended;
    t.ok(one.into.equals(BODY));
    t.equal(connections(), 2);
  }
});

t.test('no more connections than the limit; who waits for one can be called off', async (t) => {
  const answers: (() => void)[] = [];
  let whenAll = () => {};
  const all = new Promise<void>((resolve) => {
    whenAll = resolve;
  });
  const { client, origin, connections } = await serve(t, false, (socket, request) => {
    answers.push(() => socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n${request.slice(5, 7)}`));
    if (answers.length === MAX_DATA_CONNECTIONS) whenAll();
    if (answers.length > MAX_DATA_CONNECTIONS) answers.at(-1)!();
  });
  const running = Array.from({ length: MAX_DATA_CONNECTIONS }, () => get(client, origin, { path: '/xx' }));
  const unwanted = get(client, origin, { path: '/no' });
  const waiting = get(client, origin, { path: '/yy' });
  await all;
  unwanted.callOff(new Error('not wanted'));
  await t.rejects(unwanted.ended, { message: 'not wanted' });
  for (const answer of answers.slice(0, MAX_DATA_CONNECTIONS)) answer();
  await Promise.all([...running, waiting].map((one) => one.ended));
  t.equal(waiting.text(), 'yy');
  t.equal(connections(), MAX_DATA_CONNECTIONS);
});

t.test('silence before and within an answer', async (t) => {
  for (const begun of ['', `${HEAD}\r\nsome`]) {
    const { client, origin } = await serve(t, false, (socket) => void (begun && socket.write(begun)));
    await t.rejects(get(client, origin, { silenceMs: 100 }).ended, { code: 'HTTP_SILENCE' });
  }
});

t.test('closing ends what is under way and what waits', async (t) => {
  const { client, origin } = await serve(t, false, () => client.close());
  const all = Array.from({ length: MAX_DATA_CONNECTIONS + 1 }, () => get(client, origin).ended);
  for (const outcome of await Promise.allSettled(all)) t.match(outcome, { reason: { code: 'HTTP_CLOSED' } });
  await t.rejects(get(client, origin).ended, { code: 'HTTP_CLOSED' }, 'and nothing begins');
});

t.test('nothing that would be a header of its own', async (t) => {
  const client = new HttpClient();
  t.teardown(() => client.close());
  await t.rejects(get(client, 'http://localhost:1', { path: '/a\r\nx: y' }).ended, { code: 'INVALID' });
});
