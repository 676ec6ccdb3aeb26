/**
 * GETs over HTTP/1.1 whose bodies are received in place: what a general client copies chunk by chunk, the kernel writes
 * straight into the caller's memory (see the README for what that saves). No redirects, no proxies, no retries.
 */
import { TidecacheError } from '@tidecache/protocol';
import { MAX_DATA_CONNECTIONS } from '../limits.js';
import { type Exchange, HttpConnection, type HttpTarget } from './connection.js';
import { HttpError } from './errors.js';

export interface HttpGet {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export class HttpClient {
  readonly #pools = new Map<string, Pool>();
  readonly #ca: string | undefined;
  #closed = false;

  /** `ca`: certificates to trust instead of those that Node does, PEM. */
  constructor({ ca }: { ca?: string } = {}) {
    this.#ca = ca;
  }

  /**
   * Sends `get`, when a connection is free for it. `onEnd` is called once, later; with an HttpError, what the socket
   * says, or what the sink threw. Gives what calls it off: `onEnd` is called with that error, and once this has
   * returned nothing is written to the sink's place any more. Throws INVALID for what is no header.
   */
  get(get: HttpGet, answer: Omit<Exchange, 'request'>): (error: Error) => void {
    if (this.#closed) throw new HttpError('HTTP_CLOSED', 'the client was closed');
    let pool = this.#pools.get(get.origin);
    if (!pool) {
      pool = new Pool(new URL(get.origin), this.#ca);
      this.#pools.set(get.origin, pool);
    }
    return pool.send({ ...answer, request: requestText(get) });
  }

  /** Ends all connections, and with them what is under way. */
  close(): void {
    this.#closed = true;
    for (const pool of this.#pools.values()) pool.close();
    this.#pools.clear();
  }
}

/** The connections to one server. */
class Pool {
  readonly #target: HttpTarget;
  readonly #open = new Set<HttpConnection>();
  /** The one used last is used first: its congestion window is the widest. */
  readonly #free: HttpConnection[] = [];
  readonly #waiting = new Set<Exchange>();
  readonly #running = new Map<Exchange, HttpConnection>();

  constructor({ protocol, hostname, port }: URL, ca: string | undefined) {
    const tls = protocol === 'https:';
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    const number = port === '' ? (tls ? 443 : 80) : Number(port);
    this.#target = { host, port: number, tls, ca, session: undefined };
  }

  send(given: Exchange): (error: Error) => void {
    const exchange: Exchange = {
      ...given,
      onEnd: (error) => {
        this.#running.delete(exchange);
        given.onEnd(error);
      },
    };
    this.#waiting.add(exchange);
    this.#pump();
    return (error) => {
      if (this.#waiting.delete(exchange)) exchange.onEnd(error);
      else this.#running.get(exchange)?.destroy(error);
    };
  }

  close(): void {
    const error = new HttpError('HTTP_CLOSED', 'the client was closed');
    for (const exchange of this.#waiting) exchange.onEnd(error);
    this.#waiting.clear();
    for (const connection of this.#open) connection.destroy(error);
  }

  #pump(): void {
    for (const exchange of this.#waiting) {
      const connection = this.#free.pop();
      if (!connection && this.#open.size >= MAX_DATA_CONNECTIONS) return;
      this.#waiting.delete(exchange);
      if (connection) {
        this.#running.set(exchange, connection);
        connection.send(exchange);
      } else {
        this.#connect(exchange);
      }
    }
  }

  #connect(exchange: Exchange): void {
    const connection = new HttpConnection(
      this.#target,
      {
        onFree: (freed) => {
          this.#free.push(freed);
          this.#pump();
        },
        onClosed: (closed) => {
          this.#open.delete(closed);
          const at = this.#free.indexOf(closed);
          if (at >= 0) this.#free.splice(at, 1);
          this.#pump();
        },
      },
      exchange,
    );
    this.#open.add(connection);
    this.#running.set(exchange, connection);
  }
}

function requestText({ origin, path, headers }: HttpGet): string {
  const fields = Object.entries({ host: new URL(origin).host, ...headers });
  for (const [name, value] of [['path', path] as const, ...fields]) {
    // A version is what a listing said: a line break in it would begin a header of its own.
    if (/[^\t\x20-\x7e]/.test(value)) throw new TidecacheError('INVALID', `cannot send a GET: bad ${name}`);
  }
  return `GET ${path} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}
