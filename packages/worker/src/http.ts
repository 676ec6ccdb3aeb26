/** What probes and Prometheus ask a worker. Three fixed paths: node:http is enough. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TidecacheError } from '@tidecache/protocol';
import type { Registry } from 'prom-client';
import type { HostPort } from './api.js';
import { HTTP_CONNECTIONS, HTTP_TIMEOUT_MS } from './limits.js';

export interface HttpServer {
  readonly address: HostPort;
  close(): Promise<void>;
}

export async function startHttp(init: {
  address: HostPort;
  metrics: Registry;
  isReady: () => boolean;
}): Promise<HttpServer> {
  const { address, metrics, isReady } = init;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [path] = (request.url ?? '').split('?');
    if (request.method !== 'GET' && request.method !== 'HEAD') end(response, 405, 'only GET');
    else if (path === '/healthz') end(response, 200, 'ok');
    else if (path === '/readyz') end(response, isReady() ? 200 : 503, isReady() ? 'ok' : 'not registered');
    else if (path === '/metrics') end(response, 200, await metrics.metrics(), metrics.contentType);
    else end(response, 404, 'there are /healthz, /readyz and /metrics');
  };
  const server = createServer({ requestTimeout: HTTP_TIMEOUT_MS }, (request, response) => {
    answer(request, response).catch((error: Error) => end(response, 500, error.message));
  });
  server.maxConnections = HTTP_CONNECTIONS;
  await bind(server, address);
  const { port } = server.address() as AddressInfo;
  return {
    address: { host: address.host, port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function bind(server: Server, { host, port }: HostPort): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const code = cause.code === 'EADDRINUSE' ? 'ALREADY_EXISTS' : 'INVALID';
      const fix = cause.code === 'EADDRINUSE' ? 'choose another port or stop what uses it' : cause.message;
      reject(
        new TidecacheError(code, `cannot serve HTTP on ${host}:${port}: ${fix} (${cause.code})`, { cause }),
      );
    });
    server.listen(port, host, () => resolve());
  });
}

function end(
  response: ServerResponse,
  status: number,
  text: string,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': type });
  response.end(text);
}
