/**
 * One accepted connection: handshake, then requests in and replies out.
 *
 * Replies to the requests of one read are held until its end, and go together.
 * Back-pressure: while too many requests are served or too many reply bytes are queued, parsing stops within what was
 * read, and once some more has come the socket is paused, so that the rest waits at the client. Some more, since only
 * a socket that is read from tells that its client has gone.
 */
import type { Socket } from 'node:net';
import {
  EMPTY_BODY,
  ERRORS,
  encodeBody,
  FLAG_CANCEL,
  FLAG_PUSH,
  FLAG_REPLY,
  type FrameHeader,
  MAX_BODY_BYTES,
  OPCODES,
  TidecacheError,
} from '@tidecache/protocol';
import type { Exchange, ServerConnection } from '../api.js';
import type { Clock } from '../clock.js';
import { type Frame, FrameParser, type FrameSink } from '../frame-parser.js';
import { FrameWriter } from '../frame-writer.js';
import { HELD_BYTES, MAX_DEADLINE_MS, MAX_HANDSHAKE_BODY_BYTES, type ServerLimits } from '../limits.js';
import type { TimerEntry, TimerWheel } from '../timer-wheel.js';
import { ServedExchange } from './exchange.js';
import { type ServerHandshake, serverHandshake } from './handshake.js';
import { receive } from './receive.js';

export interface LinkInit {
  /** As the server accepted it. */
  readonly socket: Socket;
  /** What each read is received into, of this connection and others. */
  readonly received: Buffer;
  readonly where: string;
  readonly secret: string;
  readonly name: string;
  readonly release?: string | undefined;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly limits: ServerLimits;
  readonly owner: LinkOwner;
}

/** What the server hears of its connection. */
export interface LinkOwner {
  proved(link: Link): void;
  handle(exchange: Exchange): void;
  told(link: Link, opcode: number, body: Buffer): void;
  /** Why this side ended it; not called for a client that left in peace. */
  refused(error: TidecacheError): void;
  closed(link: Link): void;
}

export class Link implements ServerConnection, TimerEntry, FrameSink {
  dueAt = 0;
  previous: TimerEntry | undefined;
  next: TimerEntry | undefined;
  readonly #init: LinkInit;
  readonly #socket: Socket;
  readonly #parser: FrameParser;
  readonly #writer: FrameWriter;
  readonly #exchanges = new Map<number, ServedExchange>();
  #handshake: ServerHandshake | undefined;
  #remote: string;
  /** What was read and is not parsed yet, in memory of its own. */
  #rest: Buffer | undefined;
  #parsing = false;
  #leaving = false;
  #lingers = false;
  /** Given up by this side, and kept open for the client to end. */
  #mute = false;
  #closed = false;
  #closeListeners: (() => void)[] = [];

  constructor(init: LinkInit) {
    this.#init = init;
    this.#socket = receive(init.socket, init.received, (bytes) => this.#take(bytes));
    this.#remote = init.where;
    const { secret, name, where, release, clock, wheel, limits } = init;
    this.#handshake = serverHandshake({ secret, name, where, release });
    this.#parser = new FrameParser(this, { maxBodyBytes: MAX_HANDSHAKE_BODY_BYTES, maxPayloadBytes: 0 });
    this.#writer = new FrameWriter(this.#socket, clock.now, () => this.#resume());
    wheel.schedule(this, clock.now() + limits.connectMs);
    this.#socket.on('error', () => this.#socket.destroy());
    this.#socket.once('end', () => this.#socket.destroy());
    this.#socket.once('close', () => this.#close());
  }

  get remote(): string {
    return this.#remote;
  }

  get proved(): boolean {
    return this.#handshake === undefined;
  }

  get paused(): boolean {
    const { exchanges, queuedBytes } = this.#init.limits;
    return this.#leaving || this.#exchanges.size >= exchanges || this.#writer.queuedBytes >= queuedBytes;
  }

  push(opcode: number, body: Uint8Array): void {
    if (this.#closed) return;
    this.#writer.send({ flags: FLAG_PUSH, opcode, status: 0, requestId: 0, deadlineMs: 0, body });
    this.#watchDrain();
    if (this.#writer.queuedBytes > this.#init.limits.queuedPushBytes) {
      this.#refuse(new TidecacheError('BUSY', `${this.#remote} does not take what is pushed: dropped`));
    }
  }

  onClose(listener: () => void): void {
    if (this.#closed) listener();
    else this.#closeListeners.push(listener);
  }

  linger(): void {
    this.#lingers = true;
  }

  destroy(): void {
    if (!this.#lingers) this.abort();
    else if (!this.#mute) {
      // Silent from now on, which makes the client end it.
      this.#mute = true;
      for (const exchange of [...this.#exchanges.values()]) exchange.abandon();
      this.#discard();
    }
  }

  /** Ends it at once, whoever looks at what. */
  abort(): void {
    this.#socket.destroy();
  }

  /** Takes no more requests, and ends when those being served are answered. */
  leave(): void {
    this.#leaving = true;
    this.#discard();
    this.#leaveWhenIdle();
  }

  /** The wheel's call: the handshake took too long, or it is time to see whether the client takes its replies. */
  expire(): void {
    const { clock, wheel, limits } = this.#init;
    if (this.#handshake !== undefined) {
      this.#refuse(
        new TidecacheError('TIMEOUT', `${this.#remote}: no handshake within ${limits.connectMs} ms`),
      );
      return;
    }
    const { stalledMs } = this.#writer;
    if (stalledMs >= limits.drainMs) {
      const what = `${this.#remote} took no bytes for ${Math.round(stalledMs)} ms: dropped`;
      this.#refuse(new TidecacheError('TIMEOUT', what));
    } else if (this.#writer.queuedBytes > 0) {
      wheel.schedule(this, clock.now() + limits.drainMs - stalledMs);
    }
  }

  payloadTarget(header: FrameHeader): Uint8Array | undefined {
    return Buffer.allocUnsafe(header.payloadBytes);
  }

  payloadProgress(): void {}

  frame(frame: Frame): void {
    if (this.#socket.destroyed || this.#mute) return;
    const { header } = frame;
    if (this.#handshake !== undefined) {
      this.#shake(this.#handshake, frame);
    } else if (header.flags === FLAG_CANCEL) {
      this.#exchanges.get(header.requestId)?.abandon();
    } else if (header.flags === FLAG_PUSH) {
      if (frame.fault) throw new TidecacheError('CORRUPT', `${this.#remote}: checksum of a message differs`);
      this.#init.owner.told(this, header.opcode, frame.body);
    } else if (header.flags !== 0) {
      throw new TidecacheError('PROTOCOL', `${this.#remote} sent a reply, as only servers do`);
    } else if (header.opcode === OPCODES.PING.wire) {
      this.#answer(header, 0, EMPTY_BODY);
    } else {
      this.#serve(frame);
    }
  }

  #serve(frame: Frame): void {
    const { header } = frame;
    if (this.#exchanges.has(header.requestId)) {
      throw new TidecacheError('PROTOCOL', `${this.#remote} uses request id ${header.requestId} twice`);
    }
    const { clock, wheel, owner } = this.#init;
    const deadlineMs = Math.min(Math.max(1, header.deadlineMs), MAX_DEADLINE_MS);
    const exchange = new ServedExchange(frame, deadlineMs, this, this.#writer, this.#ended);
    this.#exchanges.set(header.requestId, exchange);
    wheel.schedule(exchange, clock.now() + deadlineMs);
    if (frame.fault) {
      exchange.fail(new TidecacheError('CORRUPT', `checksum of the request's ${frame.fault} differs`));
      return;
    }
    owner.handle(exchange);
  }

  readonly #ended = (exchange: ServedExchange): void => {
    this.#init.wheel.cancel(exchange);
    this.#exchanges.delete(exchange.requestId);
    this.#watchDrain();
    if (this.#leaving) this.#leaveWhenIdle();
    else this.#resume();
  };

  #shake(handshake: ServerHandshake, frame: Frame): void {
    const { reply, proved } = handshake.take(frame);
    this.#answer(frame.header, 0, reply);
    this.#remote = `${handshake.clientName} at ${this.#init.where}`;
    if (!proved) return;
    this.#handshake = undefined;
    this.#parser.maxBodyBytes = MAX_BODY_BYTES;
    this.#parser.maxPayloadBytes = this.#init.limits.requestPayloadBytes;
    this.#init.wheel.cancel(this);
    this.#init.owner.proved(this);
  }

  #answer(header: FrameHeader, status: number, body: Uint8Array): void {
    const { opcode, requestId } = header;
    this.#writer.send({ flags: FLAG_REPLY, opcode, status, requestId, deadlineMs: 0, body });
  }

  #take(bytes: Buffer): void {
    if (this.#mute || this.#leaving) return;
    if (this.#rest !== undefined) {
      this.#rest = Buffer.concat([this.#rest, bytes]);
      if (this.#rest.length >= HELD_BYTES) this.#socket.pause();
      return;
    }
    this.#writer.hold();
    this.#parse(bytes);
    if (this.#rest !== undefined) this.#rest = Buffer.from(this.#rest);
    this.#writer.release();
  }

  #parse(bytes: Buffer): void {
    this.#parsing = true;
    this.#rest = undefined;
    let taken = 0;
    try {
      taken = this.#parser.push(bytes);
    } catch (thrown) {
      this.#fault(thrown);
      return;
    } finally {
      this.#parsing = false;
    }
    if (taken < bytes.length) this.#rest = bytes.subarray(taken);
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  #resume(): void {
    if (this.#parsing || this.#rest === undefined || this.paused || this.#socket.destroyed) return;
    this.#parse(this.#rest);
  }

  /** What still comes is thrown away, up to the end of the connection. */
  #discard(): void {
    this.#rest = undefined;
    this.#socket.resume();
  }

  /** Sees to it that a client that takes nothing is found. */
  #watchDrain(): void {
    if (this.next !== undefined || this.#writer.queuedBytes === 0) return;
    if (this.#socket.destroyed || this.#mute) return;
    this.#init.wheel.schedule(this, this.#init.clock.now() + this.#init.limits.drainMs);
  }

  #leaveWhenIdle(): void {
    if (this.#exchanges.size === 0 && this.#writer.queuedBytes === 0) this.abort();
  }

  /** A throw while reading. In the handshake the client is told; afterwards the stream is out of step. */
  #fault(thrown: unknown): void {
    const error =
      thrown instanceof TidecacheError
        ? thrown
        : new TidecacheError('INTERNAL', `${this.#remote}: ${String(thrown)}`, { cause: thrown });
    if (this.#handshake === undefined) {
      this.#refuse(new TidecacheError(error.code, `${this.#remote}: ${error.message}`, { cause: error }));
      return;
    }
    this.#init.owner.refused(error);
    this.#writer.send({
      flags: FLAG_REPLY,
      opcode: OPCODES.HELLO.wire,
      status: ERRORS[error.code].wire,
      requestId: 0,
      deadlineMs: 0,
      body: encodeBody({ message: error.message }),
      onSent: () => (this.#lingers ? this.destroy() : this.#socket.destroySoon()),
    });
    this.#socket.pause();
  }

  #refuse(error: TidecacheError): void {
    if (this.#socket.destroyed || this.#mute) return;
    this.destroy();
    this.#init.owner.refused(error);
  }

  #close(): void {
    this.#closed = true;
    this.#init.wheel.cancel(this);
    for (const exchange of [...this.#exchanges.values()]) exchange.abandon();
    this.#writer.close();
    for (const listener of this.#closeListeners) listener();
    this.#closeListeners = [];
    this.#init.owner.closed(this);
  }
}
