/** The master's HTTP API: `/v1` as JSON for who has the token; health and metrics for everyone. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { asTidecacheError, TidecacheError } from '@tidecache/protocol';
import { httpToken } from '@tidecache/transport';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { HTTP_BODY_BYTES, HTTP_REQUEST_MS } from '../limits.js';
import type { Members } from '../members/members.js';
import type { Metrics } from '../metrics.js';
import type { Datasets } from '../tree/datasets.js';
import type { Logger } from '../util/logger.js';
import { errorAnswer, parseBody } from './errors.js';
import type { Reports } from './reports.js';
import { NewDatasetBody } from './shapes.js';

export interface HttpInit {
  readonly secret: string;
  readonly datasets: Datasets;
  readonly members: Members;
  readonly reports: Reports;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** The API, not listening yet: a test injects requests. */
export function createHttp(init: HttpInit): FastifyInstance {
  const { datasets, members, reports, metrics, logger } = init;
  const app = fastify({
    logger: false,
    bodyLimit: HTTP_BODY_BYTES,
    requestTimeout: HTTP_REQUEST_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 3 * 4096 },
  });
  // A DELETE may name JSON and send nothing, as many HTTP clients do.
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, body === '' ? undefined : JSON.parse(String(body)));
    } catch (cause) {
      done(new TidecacheError('INVALID', `the body is no JSON: ${(cause as Error).message}`, { cause }));
    }
  });
  app.setErrorHandler((thrown, _request, reply) => {
    const { status, report } = errorAnswer(thrown);
    if (status === 500) logger.error({ error: thrown }, 'an HTTP request failed');
    return reply.code(status).send(report);
  });
  app.setNotFoundHandler((request, reply) =>
    reply
      .code(404)
      .send({ code: 'NOT_FOUND', message: `no ${request.method} ${request.url} here (see /v1/status)` }),
  );

  app.get('/healthz', () => ({ ok: true }));
  app.get('/readyz', (_request, reply) => {
    if (members.settled) return { ready: true };
    return reply
      .code(503)
      .send({ code: 'BUSY', message: 'just restarted: waiting for the workers of before' });
  });
  app.get('/metrics', async (_request, reply) => {
    reply.header('content-type', metrics.registry.contentType);
    return metrics.registry.metrics();
  });

  const isAuthorised = authoriser(init.secret);
  app.register(
    async (v1) => {
      v1.addHook('onRequest', async (request, reply) => {
        if (isAuthorised(request)) return;
        await reply.code(401).header('www-authenticate', 'Bearer').send({
          code: 'ACCESS_DENIED',
          message: "wrong or no token (send `Authorization: Bearer TOKEN`, made from the cluster's secret)",
        });
      });
      v1.get('/status', () => reports.status());
      v1.get('/workers', () => reports.workers());
      v1.get('/datasets', () => reports.datasets());
      v1.post('/datasets', async (request, reply) => {
        const dataset = await datasets.add(parseBody(NewDatasetBody, request.body));
        return reply.code(201).send(reports.dataset(dataset));
      });
      v1.get<{ Params: { path: string } }>('/datasets/:path', ({ params }) =>
        reports.dataset(datasets.at(params.path)),
      );
      v1.delete<{ Params: { path: string } }>('/datasets/:path', async ({ params }) => ({
        ...(await datasets.remove(params.path)),
        inodes: 0,
      }));
    },
    { prefix: '/v1' },
  );
  return app;
}

/** Listens, and answers where. INVALID when the port is taken, naming it and how to choose another. */
export async function listenHttp(
  app: FastifyInstance,
  { host, port }: { host: string; port: number },
): Promise<{ host: string; port: number }> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    throw listenError(cause, 'HTTP', host, port);
  }
  const address = app.server.address();
  return { host, port: typeof address === 'object' && address ? address.port : port };
}

export function listenError(cause: unknown, what: string, host: string, port: number): TidecacheError {
  const code = codeOf(cause);
  if (code === 'EADDRINUSE') {
    return new TidecacheError(
      'INVALID',
      `cannot listen for ${what} on ${host}:${port}: the port is in use (choose another, or 0 for any free one)`,
      { cause },
    );
  }
  if (code === 'EACCES') {
    return new TidecacheError(
      'ACCESS_DENIED',
      `cannot listen for ${what} on ${host}:${port}: no permission (choose a port above 1023)`,
      { cause },
    );
  }
  return asTidecacheError(cause, 'INVALID', `cannot listen for ${what} on ${host}:${port}`);
}

function codeOf(thrown: unknown): unknown {
  const { code, cause } = thrown as { code?: unknown; cause?: unknown };
  return thrown instanceof TidecacheError && cause ? codeOf(cause) : code;
}

/** Compares digests, in a time that tells nothing of where they differ. */
function authoriser(secret: string): (request: FastifyRequest) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const wanted = digest(`Bearer ${httpToken(secret)}`);
  return ({ headers }) => timingSafeEqual(digest(headers.authorization ?? ''), wanted);
}
