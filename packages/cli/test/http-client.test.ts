import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { httpToken } from '@tidecache/transport';
import { type Test, t } from 'tap';
import { z } from 'zod';
import type { Endpoint } from '../src/config/endpoint.js';
import { type ApiRequest, callApi } from '../src/http-client.js';
import { SECRET } from './testing.js';

async function serve(t: Test, handler: RequestListener): Promise<Endpoint> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

const REQUEST = {
  method: 'GET',
  path: '/v1/x',
  answer: z.object({ x: z.number() }),
} satisfies ApiRequest<unknown>;

t.test('a call carries the token and the body', async (t) => {
  const api = await serve(t, async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    t.equal(request.headers.authorization, `Bearer ${httpToken(SECRET)}`);
    t.notMatch(JSON.stringify(request.headers), SECRET);
    t.equal(request.url, '/v1/x');
    t.equal(request.method, 'POST');
    t.same(JSON.parse(body), { y: 1 });
    response.end('{"x":5}');
  });
  const answer = await callApi({ api, secret: SECRET }, { ...REQUEST, method: 'POST', body: { y: 1 } });
  t.same(answer, { x: 5 });
});

t.test('what the master refuses, and what is no master', async (t) => {
  const cases: [number, string, { code: string; message: RegExp }][] = [
    [
      401,
      '',
      { code: 'ACCESS_DENIED', message: /refused the secret \(401\): give the one .*TIDECACHE_SECRET_FILE/ },
    ],
    [403, '', { code: 'ACCESS_DENIED', message: /refused the secret \(403\)/ }],
    [
      403,
      '{"code":"ACCESS_DENIED","message":"the origin refuses"}',
      { code: 'ACCESS_DENIED', message: /^the origin refuses$/ },
    ],
    [
      404,
      '{"code":"NOT_FOUND","message":"no dataset at /x"}',
      { code: 'NOT_FOUND', message: /^no dataset at \/x$/ },
    ],
    [
      409,
      '{"code":"ALREADY_EXISTS","message":"there is one"}',
      { code: 'ALREADY_EXISTS', message: /^there is one$/ },
    ],
    [
      418,
      '{"code":"TEAPOT","message":"from a newer release"}',
      { code: 'INTERNAL', message: /newer release/ },
    ],
    [500, '<html>', { code: 'INTERNAL', message: /answered GET \/v1\/x with HTTP 500/ }],
    [200, '{"y":1}', { code: 'PROTOCOL', message: /no Tidecache master of this release: \/v1\/x: x: / }],
    [200, 'hello', { code: 'PROTOCOL', message: /no Tidecache master/ }],
  ];
  for (const [status, body, error] of cases) {
    const api = await serve(t, (_, response) => response.writeHead(status).end(body));
    await t.rejects(callApi({ api, secret: SECRET }, REQUEST), error, `${status} ${body}`);
  }
});

t.test('nobody answers: where, why, and what to check', async (t) => {
  const server = createTcpServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const api = { host: '127.0.0.1', port };
  const check = /--api, TIDECACHE_MASTER_API or master.api/;
  await t.rejects(callApi({ api, secret: SECRET }, REQUEST), { code: 'UNREACHABLE', message: check });
  server.close();
  await once(server, 'close');
  await t.rejects(callApi({ api, secret: SECRET }, REQUEST), {
    code: 'UNREACHABLE',
    message: new RegExp(`cannot reach the master at 127\\.0\\.0\\.1:${port}: connection refused`),
  });
  await t.rejects(callApi({ api: { host: 'no-such-host.invalid', port: 1 }, secret: SECRET }, REQUEST), {
    code: 'UNREACHABLE',
    message: /no-such-host\.invalid:1: /,
  });
});
