/** Typed calls over the opcode table: shapes are checked on both sides of the wire. */
import {
  asTidecacheError,
  decodeBody,
  EMPTY_BODY,
  encodeBody,
  OPCODES,
  type OpcodeName,
  opcodeName,
  type ReplyOf,
  type RequestOf,
  TidecacheError,
} from '@tidecache/protocol';
import type { Exchange, Peer, RequestOptions, ServerConnection } from './api.js';

/** What protocol checks shapes with. */
type Schema<T> = Parameters<typeof decodeBody<T>>[0];

/** Operations whose bodies are structured. */
export type CallName = {
  [N in OpcodeName]: (typeof OPCODES)[N]['request'] extends null ? never : N;
}[OpcodeName];

export type CallOptions = Omit<RequestOptions, 'into' | 'payload' | 'onProgress'>;

/** Asks `name` of `peer`. Rejects as `Peer.request`, and with PROTOCOL when the reply has another shape. */
export async function call<N extends CallName>(
  peer: Peer,
  name: N,
  request: RequestOf<N>,
  options: CallOptions,
): Promise<ReplyOf<N>> {
  const row = OPCODES[name];
  const reply = await peer.request(row.wire, encodeBody(request), options);
  return decodeBody<unknown>(row.reply, reply.body, `${name} reply`) as ReplyOf<N>;
}

/** Pushes `body` under `name`. */
export function pushTo<N extends CallName>(connection: ServerConnection, name: N, body: RequestOf<N>): void {
  connection.push(OPCODES[name].wire, encodeBody(body));
}

export type Handlers = {
  [N in CallName]?: (request: RequestOf<N>, exchange: Exchange) => Promise<ReplyOf<N>> | ReplyOf<N>;
};

type AnyHandler = (request: unknown, exchange: Exchange) => unknown;

/**
 * A handler of exchanges from one function per operation: checks the request, replies with what it returns, and turns
 * what it throws into a failure. Other operations go to `otherwise` (READ, for one), else end as UNSUPPORTED.
 */
export function serve(handlers: Handlers, otherwise: (exchange: Exchange) => void = unsupported) {
  const table = new Map<number, { handler: AnyHandler; schema: Schema<unknown>; name: OpcodeName }>();
  for (const [key, handler] of Object.entries(handlers)) {
    const name = key as CallName;
    const { wire, request } = OPCODES[name];
    table.set(wire, { handler: handler as AnyHandler, schema: request, name });
  }
  return (exchange: Exchange): void => {
    const row = table.get(exchange.opcode);
    if (row === undefined) otherwise(exchange);
    else void answer(exchange, row.handler, row.schema, row.name);
  };
}

async function answer(
  exchange: Exchange,
  handler: AnyHandler,
  schema: Schema<unknown>,
  name: OpcodeName,
): Promise<void> {
  try {
    const reply = await handler(decodeBody(schema, exchange.body, `${name} request`), exchange);
    exchange.reply(reply === undefined ? EMPTY_BODY : encodeBody(reply));
  } catch (thrown) {
    exchange.fail(asTidecacheError(thrown, 'INTERNAL', name));
  }
}

function unsupported(exchange: Exchange): void {
  const name = opcodeName(exchange.opcode) ?? `operation 0x${exchange.opcode.toString(16)}`;
  exchange.fail(new TidecacheError('UNSUPPORTED', `this server does not serve ${name}`));
}
