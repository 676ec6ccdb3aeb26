/**
 * One connection to an HTTP server: one GET at a time, and the socket receives straight to where the answer's parser
 * says. Node's socket reads only from its event loop, so once it is destroyed nothing is written anywhere any more.
 */
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { CONNECT_MS } from '@tidecache/protocol';
import { IDLE_CONNECTION_MS, KEPT_MARGIN_MS } from '../limits.js';
import { HttpError } from './errors.js';
import { AnswerParser, type AnswerSink } from './parser.js';

export interface HttpTarget {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** PEM; without it, what Node trusts. */
  readonly ca: string | undefined;
  /** The TLS session of the last connection: the next one is spared half of the handshake. */
  session: Buffer | undefined;
}

/** A request and who waits for its answer. */
export interface Exchange {
  /** Request line and headers. */
  readonly request: string;
  /** Silence after which the answer is given up. */
  readonly silenceMs: number;
  readonly sink: AnswerSink;
  /** Once: the answer is complete, or it will not be. */
  readonly onEnd: (error?: Error) => void;
}

export interface ConnectionOwner {
  /** It can take another request. */
  onFree(connection: HttpConnection): void;
  onClosed(connection: HttpConnection): void;
}

export class HttpConnection {
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #parser = new AnswerParser();
  #connected = false;
  #exchange: Exchange | undefined;
  #closed = false;

  /** Connects for `exchange`. */
  constructor(target: HttpTarget, owner: ConnectionOwner, exchange: Exchange) {
    this.#owner = owner;
    this.#exchange = exchange;
    const { host, port, ca } = target;
    const onread = { buffer: () => this.#parser.target(), callback: (bytes: number) => this.#read(bytes) };
    if (target.tls) {
      const session = target.session && { session: target.session };
      const servername = isIP(host) === 0 ? host : '';
      // @types/node leaves out onread here; the socket below is the same.
      const options = { host, port, servername, ALPNProtocols: ['http/1.1'], onread, ca, ...session };
      this.#socket = connectTls(options)
        .once('secureConnect', () => this.#onConnect())
        .on('session', (session) => {
          target.session = session;
        });
      this.#socket.setNoDelay(true);
    } else {
      this.#socket = connect({ host, port, noDelay: true, onread }).once('connect', () => this.#onConnect());
    }
    this.#socket
      .setTimeout(CONNECT_MS)
      .on('timeout', () => this.#onSilence())
      .on('error', (error) => this.#end(error))
      .once('end', () => this.#onEnd())
      .once('close', () => this.#onEnd());
  }

  /** Sends the request of `exchange`. Only while the connection is free. */
  send(exchange: Exchange): void {
    this.#exchange = exchange;
    this.#parser.begin(exchange.sink);
    this.#socket.ref();
    this.#socket.setTimeout(exchange.silenceMs);
    this.#socket.write(exchange.request, 'latin1');
  }

  /** Its exchange is told of `error`, if it has one. Once it returns nothing is written to a place any more. */
  destroy(error: Error): void {
    this.#end(error);
  }

  #onConnect(): void {
    this.#connected = true;
    if (this.#exchange) this.send(this.#exchange);
  }

  /** What the socket calls with each read; false would stop it. */
  #read(bytes: number): boolean {
    try {
      if (this.#parser.received(bytes)) this.#answered();
    } catch (error) {
      this.#end(error as Error);
    }
    return true;
  }

  #answered(): void {
    const exchange = this.#exchange;
    // It was called off in the middle of the last call.
    if (!exchange) return;
    const keptForMs = this.#parser.head!.keptForMs - KEPT_MARGIN_MS;
    if (keptForMs <= 0) {
      this.#end();
      return;
    }
    this.#exchange = undefined;
    this.#parser.begin();
    this.#socket.setTimeout(Math.min(IDLE_CONNECTION_MS, keptForMs));
    // An idle connection keeps no process alive.
    this.#socket.unref();
    exchange.onEnd();
    if (!this.#closed) this.#owner.onFree(this);
  }

  #onSilence(): void {
    if (!this.#exchange) {
      this.#end();
      return;
    }
    const error = this.#connected
      ? new HttpError('HTTP_SILENCE', `no byte for ${this.#exchange.silenceMs} ms`)
      : new HttpError('HTTP_CONNECT_TIMEOUT', `no connection within ${CONNECT_MS} ms`);
    this.#end(error);
  }

  #onEnd(): void {
    const isAnswered = this.#exchange && this.#parser.ended();
    this.#end(
      isAnswered ? undefined : new HttpError('HTTP_CUT', 'the connection ended before the answer did'),
    );
  }

  #end(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.destroy();
    // TLS goes on with what it has decrypted already, and asks where to put it.
    this.#parser.begin();
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#owner.onClosed(this);
    exchange?.onEnd(error);
  }
}
