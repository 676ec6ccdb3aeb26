import { asTidecacheError, type ErrorCode, TidecacheError } from '@tidecache/protocol';
import type { z } from 'zod';
import type { ErrorReport } from './shapes.js';

const STATUS: Partial<Record<ErrorCode, number>> = {
  NOT_FOUND: 404,
  INVALID: 400,
  ALREADY_EXISTS: 409,
  // The origin's refusal, not a refusal of who asks: that is 401.
  ACCESS_DENIED: 403,
  BUSY: 503,
  TIMEOUT: 504,
  UNREACHABLE: 502,
  ORIGIN_FAILED: 502,
  NO_SPACE: 507,
  UNSUPPORTED: 400,
};

/** An error as HTTP says it. */
export function errorAnswer(thrown: unknown): { status: number; report: ErrorReport } {
  const { statusCode, message } = thrown as { statusCode?: number; message?: string };
  if (
    !(thrown instanceof TidecacheError) &&
    statusCode !== undefined &&
    statusCode >= 400 &&
    statusCode < 500
  ) {
    // Fastify's own: a body that is no JSON, too long, of another type.
    return { status: statusCode, report: { code: 'INVALID', message: message ?? 'bad request' } };
  }
  const error = asTidecacheError(thrown);
  return { status: STATUS[error.code] ?? 500, report: { code: error.code, message: error.message } };
}

/** The body, if it has the shape. Throws INVALID naming the field and what it takes. */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.join('.') || (issue?.code === 'unrecognized_keys' ? 'the body' : 'the body');
  const fix =
    FIXES[String(issue?.path[0])] ?? 'see the API: path and uri, and readOnly, metadata, blockBytes, options';
  throw new TidecacheError('INVALID', `bad dataset: ${field}: ${issue?.message ?? 'wrong shape'} (${fix})`);
}

const FIXES: Record<string, string> = {
  path: 'an absolute path as text: "/prices/daily"',
  uri: '"s3://bucket/prefix", "oss://bucket/prefix" or "nas:///directory"',
  readOnly: 'true or false',
  metadata: '"once", "always" or {"ttlMs": 60000}',
  blockBytes: 'a multiple of 262144 from 262144 to 67108864',
  options: 'endpoint, region and credentialsFile as text, pathStyle as true or false',
};
