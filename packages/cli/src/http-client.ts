/** Calls to the master's HTTP API, with errors that say what to check. */
import { TidecacheError } from '@tidecache/protocol';
import { Client } from 'undici';
import { z } from 'zod';
import { type Endpoint, formatEndpoint } from './config/endpoint.js';
import { API_DEADLINE_MS, MAX_API_ANSWER_BYTES } from './limits.js';
import { parts } from './parts.js';

export interface ApiInit {
  readonly api: Endpoint;
  readonly secret: string;
}

export interface ApiRequest<T> {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** What the answer must look like. */
  readonly answer: z.ZodType<T>;
}

const ErrorAnswer = z.object({ error: z.object({ code: z.string().optional(), message: z.string() }) });

/** One call. Rejects with UNREACHABLE, TIMEOUT, ACCESS_DENIED (wrong secret), or what the master answered. */
export async function callApi<T>({ api, secret }: ApiInit, request: ApiRequest<T>): Promise<T> {
  const where = formatEndpoint(api);
  const client = new Client(`http://${where}`, {
    connect: { timeout: API_DEADLINE_MS },
    maxResponseSize: MAX_API_ANSWER_BYTES,
  });
  try {
    const response = await client.request({
      method: request.method,
      path: request.path,
      ...(request.query && { query: request.query }),
      headers: {
        authorization: `Bearer ${(await parts('@tidecache/transport')).httpToken(secret)}`,
        ...(request.body !== undefined && { 'content-type': 'application/json' }),
      },
      body: request.body === undefined ? null : JSON.stringify(request.body),
      signal: AbortSignal.timeout(API_DEADLINE_MS),
    });
    return read(request, response.statusCode, await response.body.text(), where);
  } catch (thrown) {
    throw explain(thrown, where);
  } finally {
    await client.destroy();
  }
}

function read<T>(request: ApiRequest<T>, status: number, body: string, where: string): T {
  if (status === 401 || status === 403) {
    throw new TidecacheError(
      'ACCESS_DENIED',
      `the master at ${where} refused the secret (${status}): give the one that the master was started with ` +
        '(--secret-file, TIDECACHE_SECRET_FILE or TIDECACHE_SECRET; for a local cluster run it beside the ' +
        "cluster's --data-dir)",
    );
  }
  const value = parseJson(body);
  if (status >= 300) {
    const parsed = ErrorAnswer.safeParse(value);
    const message = parsed.success
      ? parsed.data.error.message
      : `${request.method} ${request.path}: ${body.slice(0, 200)}`;
    throw new TidecacheError(
      status === 404 ? 'NOT_FOUND' : 'INVALID',
      `${message} (the master at ${where}, HTTP ${status})`,
    );
  }
  const answer = request.answer.safeParse(value);
  if (answer.success) return answer.data;
  const issue = answer.error.issues[0];
  throw new TidecacheError(
    'PROTOCOL',
    `what answers at ${where} is no Tidecache master of this release: ${request.path}: ` +
      `${issue?.path.join('.') || 'answer'}: ${issue?.message} (check --api, TIDECACHE_MASTER_API)`,
    { cause: answer.error },
  );
}

function parseJson(body: string): unknown {
  try {
    return body === '' ? undefined : JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** The reason that Node and undici give, in words, with what to look at. */
function explain(thrown: unknown, where: string): TidecacheError {
  if (thrown instanceof TidecacheError) return thrown;
  const error = thrown as Error & { code?: string };
  const check = 'is the master running there? check --api, TIDECACHE_MASTER_API or master.api';
  if (error.name === 'TimeoutError' || error.code === 'UND_ERR_CONNECT_TIMEOUT') {
    return new TidecacheError(
      'TIMEOUT',
      `the master at ${where} did not answer in ${API_DEADLINE_MS} ms (${check})`,
      {
        cause: thrown,
      },
    );
  }
  const reason = REASONS[error.code ?? ''] ?? (error.message || error.code || error.name);
  return new TidecacheError('UNREACHABLE', `cannot reach the master at ${where}: ${reason} (${check})`, {
    cause: thrown,
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name cannot be resolved',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ECONNRESET: 'the connection was reset',
  UND_ERR_SOCKET: 'the connection ended without an answer',
};
