/** Calls to the master's HTTP API, with errors that say what to check. */
import { ERRORS, type ErrorCode, TidecacheError } from '@tidecache/protocol';
import { httpToken } from '@tidecache/transport';
import { z } from 'zod';
import { type Endpoint, formatEndpoint } from './config/endpoint.js';
import { API_DEADLINE_MS, MAX_API_ANSWER_BYTES } from './limits.js';

export interface ApiInit {
  readonly api: Endpoint;
  readonly secret: string;
}

export interface ApiRequest<T> {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  /** API_DEADLINE_MS without it. */
  readonly deadlineMs?: number;
  /** What the answer must look like. */
  readonly answer: z.ZodType<T>;
}

const ErrorAnswer = z.object({ code: z.string(), message: z.string() });

/** One call. Rejects with UNREACHABLE, TIMEOUT, ACCESS_DENIED (wrong secret), or what the master answered. */
export async function callApi<T>({ api, secret }: ApiInit, request: ApiRequest<T>): Promise<T> {
  const where = formatEndpoint(api);
  const deadlineMs = request.deadlineMs ?? API_DEADLINE_MS;
  // Imported when it's needed: a master or a worker that starts has no use for it.
  const { Client } = await import('undici');
  const client = new Client(`http://${where}`, {
    connect: { timeout: API_DEADLINE_MS },
    headersTimeout: deadlineMs,
    bodyTimeout: deadlineMs,
    maxResponseSize: MAX_API_ANSWER_BYTES,
  });
  try {
    const response = await client.request({
      method: request.method,
      path: request.path,
      headers: {
        authorization: `Bearer ${httpToken(secret)}`,
        ...(request.body !== undefined && { 'content-type': 'application/json' }),
      },
      body: request.body === undefined ? null : JSON.stringify(request.body),
      signal: AbortSignal.timeout(deadlineMs),
    });
    return read(request, response.statusCode, await response.body.text(), where);
  } catch (thrown) {
    throw explain(thrown, where, deadlineMs);
  } finally {
    await client.destroy();
  }
}

function read<T>(request: ApiRequest<T>, status: number, body: string, where: string): T {
  const value = parseJson(body);
  if (status >= 300) throw refusal(request, status, ErrorAnswer.safeParse(value).data, where);
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

function refusal(
  { method, path }: ApiRequest<unknown>,
  status: number,
  said: z.infer<typeof ErrorAnswer> | undefined,
  where: string,
): TidecacheError {
  // A 403 with a reason is an origin's refusal, passed on.
  if (status === 401 || (status === 403 && !said)) {
    return new TidecacheError(
      'ACCESS_DENIED',
      `the master at ${where} refused the secret (${status}): give the one that the master was started with ` +
        '(--secret-file, TIDECACHE_SECRET_FILE or TIDECACHE_SECRET; for a local cluster the same --data-dir)',
    );
  }
  // The codes are the table's, and a newer master may have more of them.
  if (said)
    return new TidecacheError(said.code in ERRORS ? (said.code as ErrorCode) : 'INTERNAL', said.message);
  return new TidecacheError(
    'INTERNAL',
    `${where} answered ${method} ${path} with HTTP ${status}, and no reason`,
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
function explain(thrown: unknown, where: string, deadlineMs: number): TidecacheError {
  if (thrown instanceof TidecacheError) return thrown;
  const error = thrown as Error & { code?: string };
  const check = 'is the master running there? check --api, TIDECACHE_MASTER_API or master.api';
  if (error.name === 'TimeoutError' || /^UND_ERR_.*TIMEOUT$/.test(error.code ?? '')) {
    return new TidecacheError(
      'TIMEOUT',
      `the master at ${where} did not answer in ${deadlineMs} ms (${check})`,
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
