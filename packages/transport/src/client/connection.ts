/**
 * One dialled connection: handshake, then requests out and replies in. It never dials again; the peer does.
 *
 * Reading: the socket asks the parser where the next bytes go, so a long payload lands in the caller's buffer. The
 * price: the socket holds that buffer until its next read. A request that ends meanwhile (deadline, cancel) settles
 * only when that read came, so that nobody's buffer is written to after its request has settled.
 */
import { connect, type Socket } from 'node:net';
import {
  decodeBody,
  EMPTY_BODY,
  ErrorBody,
  errorCodeOf,
  FLAG_CANCEL,
  FLAG_MORE,
  FLAG_PUSH,
  FLAG_REPLY,
  type FrameHeader,
  MAX_BODY_BYTES,
  MAX_PAYLOAD_BYTES,
  OPCODES,
  TidecacheError,
} from '@tidecache/protocol';
import { addressText } from '../address.js';
import type { Address } from '../api.js';
import type { Clock } from '../clock.js';
import { type Frame, FrameParser, type FrameSink } from '../frame-parser.js';
import { FrameWriter } from '../frame-writer.js';
import {
  KEEP_ALIVE_MS,
  MAX_DEADLINE_MS,
  MAX_HANDSHAKE_BODY_BYTES,
  type PeerLimits,
  STUCK_PAYLOAD_MS,
} from '../limits.js';
import type { TimerEntry, TimerWheel } from '../timer-wheel.js';
import { type ClientHandshake, clientHandshake } from './handshake.js';
import { Line } from './line.js';
import type { Pending } from './pending.js';

export interface ConnectionInit {
  readonly address: Address;
  readonly secret: string;
  readonly name: string;
  readonly release?: string | undefined;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly limits: PeerLimits;
  readonly owner: ConnectionOwner;
}

/** What the peer hears of its connection. */
export interface ConnectionOwner {
  /** Pings are sent while nothing is in flight, too. */
  readonly kept: boolean;
  up(): void;
  /** Once. `orphans` were in flight and are not settled. */
  down(error: TidecacheError, orphans: Pending[]): void;
  push(opcode: number, body: Buffer): void;
  /** `received` bytes of an `into` have come in a whole frame. */
  progressed(bytes: number): void;
  settle(pending: Pending, outcome: TidecacheError | Buffer): void;
}

const PING_ID = 0xffff_ffff;

export class Connection implements TimerEntry, FrameSink {
  dueAt = 0;
  previous: TimerEntry | undefined;
  next: TimerEntry | undefined;
  readonly paused = false;
  readonly #init: ConnectionInit;
  readonly #where: string;
  readonly #socket: Socket;
  readonly #parser: FrameParser;
  readonly #writer: FrameWriter;
  /** In the order of sending. */
  readonly #pending = new Map<number, Pending>();
  readonly #line = new Line();
  #handshake: ClientHandshake | undefined;
  #down = false;
  #nextId = 1;
  #lastByteAt: number;
  /** A ping went out and nothing has come since. */
  #pinged = false;
  /** Whose payload is arriving. */
  #receiving: Pending | undefined;
  /** A request waits for its buffer to be let go of, until then. */
  #stuckUntil: number | undefined;
  readonly closed: Promise<void>;

  constructor(init: ConnectionInit) {
    this.#init = init;
    this.#where = addressText(init.address);
    const { secret, name, release } = init;
    this.#handshake = clientHandshake({ secret, name, release, where: this.#where });
    this.#parser = new FrameParser(this, { maxBodyBytes: MAX_HANDSHAKE_BODY_BYTES, maxPayloadBytes: 0 });
    this.#socket = connect({
      ...('unixPath' in init.address
        ? { path: init.address.unixPath }
        : { host: init.address.host, port: init.address.port }),
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      onread: { buffer: () => this.#parser.target(), callback: (bytes) => this.#read(bytes) },
    });
    this.#writer = new FrameWriter(this.#socket, init.clock.now);
    this.#lastByteAt = init.clock.now();
    init.wheel.schedule(this, this.#lastByteAt + init.limits.connectMs);
    this.#socket.once('connect', () =>
      this.#send(OPCODES.HELLO.wire, this.#handshake?.hello ?? EMPTY_BODY, 1),
    );
    this.#socket.on('error', (cause) => this.destroy(this.#broken(cause)));
    this.closed = new Promise((resolve) => {
      this.#socket.once('close', () => {
        this.destroy(this.#broken());
        this.#writer.close();
        resolve();
      });
    });
    // The peer ended its side: whatever is in flight will not be answered.
    this.#socket.once('end', () => this.destroy(this.#broken()));
  }

  get up(): boolean {
    return this.#handshake === undefined && !this.#down;
  }

  send(pending: Pending): void {
    pending.requestId = this.#takeId();
    this.#writer.send({
      flags: 0,
      opcode: pending.opcode,
      status: 0,
      requestId: pending.requestId,
      deadlineMs: Math.min(
        MAX_DEADLINE_MS,
        Math.max(1, Math.ceil(pending.deadlineAt - this.#init.clock.now())),
      ),
      body: pending.requestBody,
      parts: pending.options.payload,
    });
    this.#pending.set(pending.requestId, pending);
    if (this.#pending.size === 1) this.#watch();
  }

  tell(opcode: number, body: Uint8Array): void {
    this.#send(opcode, body, 0, FLAG_PUSH);
  }

  /** The asker no longer wants it. Settles it now, or as soon as the socket has let go of its buffer. */
  abandon(pending: Pending, error: TidecacheError): void {
    if (pending.ending !== undefined) return;
    this.#pending.delete(pending.requestId);
    if (!this.#writer.drop(pending.requestId)) this.#cancel(pending);
    if (this.#receiving !== pending) {
      this.#init.owner.settle(pending, error);
    } else if (!this.#parser.direct) {
      this.#parser.discardPayload();
      this.#receiving = undefined;
      this.#init.owner.settle(pending, error);
    } else {
      pending.ending = error;
      this.#stuckUntil = this.#init.clock.now() + STUCK_PAYLOAD_MS;
      this.#init.wheel.schedule(this, this.#stuckUntil);
    }
  }

  destroy(error: TidecacheError): void {
    if (this.#down) return;
    this.#down = true;
    this.#init.wheel.cancel(this);
    this.#socket.destroy();
    const orphans = [...this.#pending.values()];
    this.#pending.clear();
    const receiving = this.#receiving;
    this.#receiving = undefined;
    // The socket is closed: it does not write to anybody's buffer any more.
    if (receiving?.ending) this.#init.owner.settle(receiving, receiving.ending);
    this.#init.owner.down(error, orphans);
  }

  /** The wheel's call: connecting took too long, a payload is stuck, or the peer is silent. */
  expire(): void {
    const { clock, limits, wheel, owner } = this.#init;
    const now = clock.now();
    if (this.#handshake !== undefined) {
      this.destroy(unreachable(this.#where, `no handshake within ${limits.connectMs} ms`));
    } else if (this.#stuckUntil !== undefined) {
      if (now >= this.#stuckUntil) this.destroy(unreachable(this.#where, 'a reply stopped half-way'));
      else wheel.schedule(this, this.#stuckUntil);
    } else if (this.#pinged) {
      const silentMs = Math.round(now - this.#lastByteAt);
      this.destroy(unreachable(this.#where, `silent for ${silentMs} ms, a ping included`));
    } else if (this.#pending.size > 0 || owner.kept) {
      const silentMs = now - this.#lastByteAt;
      if (silentMs < limits.pingAfterMs) {
        wheel.schedule(this, this.#lastByteAt + limits.pingAfterMs);
        return;
      }
      this.#pinged = true;
      this.#send(OPCODES.PING.wire, EMPTY_BODY, PING_ID);
      wheel.schedule(this, now + limits.deadAfterMs);
    }
  }

  /** Looks after the connection from now on, if nobody does yet. */
  watch(): void {
    if (this.up) this.#watch();
  }

  #watch(): void {
    if (this.next !== undefined) return;
    // Silence counts from the moment on which there is something to wait for.
    const now = this.#init.clock.now();
    this.#pinged = false;
    this.#lastByteAt = now;
    this.#init.wheel.schedule(this, now + this.#init.limits.pingAfterMs);
  }

  #read(bytes: number): boolean {
    if (this.#down) return false;
    this.#lastByteAt = this.#init.clock.now();
    this.#pinged = false;
    try {
      const receiving = this.#receiving;
      if (receiving?.ending !== undefined) {
        // These bytes went to its buffer; the next ones will not.
        this.#parser.discardPayload();
        this.#receiving = undefined;
        this.#stuckUntil = undefined;
        this.#init.owner.settle(receiving, receiving.ending);
      }
      this.#parser.received(bytes);
    } catch (thrown) {
      this.destroy(this.#lost(thrown));
    }
    return !this.#down;
  }

  payloadTarget(header: FrameHeader): Uint8Array | undefined {
    const pending = this.#pendingOf(header);
    if (pending === undefined) return undefined;
    const target = pending.payloadTarget(header, this.#init.limits.replyBytes);
    if (target !== undefined) {
      this.#receiving = pending;
      return target;
    }
    const error = new TidecacheError(
      'PROTOCOL',
      `${this.#where}: the reply is longer than what was asked for`,
    );
    this.#giveUp(pending, header, error);
    return undefined;
  }

  payloadProgress(header: FrameHeader): void {
    if (this.#receiving !== undefined) this.#receiving.lastAt = this.#lastByteAt;
    // Also for a reply that nobody wants any more: the others wait behind it.
    this.#lineMoved(header.requestId);
  }

  /** When the line that `pending` stands in last moved; undefined when it has not since it was sent. */
  movedAt(pending: Pending): number | undefined {
    return this.#line.movedBefore(pending.requestId === 0 ? Number.POSITIVE_INFINITY : pending.requestId);
  }

  #lineMoved(requestId: number): void {
    const oldest = this.#pending.keys().next().value ?? Number.POSITIVE_INFINITY;
    this.#line.moved(requestId, this.#lastByteAt, oldest);
  }

  frame(frame: Frame): void {
    this.#receiving = undefined;
    // Frames that came in the same read as the one that ended the connection.
    if (this.#down) return;
    const { header } = frame;
    if (this.#handshake !== undefined) {
      this.#shake(this.#handshake, frame);
    } else if (header.flags === FLAG_PUSH) {
      if (frame.fault) throw new TidecacheError('CORRUPT', `${this.#where}: checksum of a push differs`);
      this.#init.owner.push(header.opcode, Buffer.from(frame.body));
    } else if ((header.flags & FLAG_REPLY) === 0) {
      throw new TidecacheError('PROTOCOL', `${this.#where} sent a request, as only clients do`);
    } else {
      const pending = this.#pendingOf(header);
      // None: it was cancelled while this was on its way.
      if (pending !== undefined) this.#reply(pending, frame);
    }
  }

  #reply(pending: Pending, frame: Frame): void {
    const { header } = frame;
    const { owner } = this.#init;
    pending.lastAt = this.#lastByteAt;
    this.#lineMoved(header.requestId);
    if (frame.fault) {
      const what = `${this.#where}: checksum of the reply's ${frame.fault} differs`;
      this.#giveUp(pending, header, new TidecacheError('CORRUPT', what));
    } else if (header.status !== 0) {
      const { message } = decodeBody(ErrorBody, frame.body, 'error reply');
      this.#giveUp(pending, header, new TidecacheError(errorCodeOf(header.status), message));
    } else {
      if (pending.options.into !== undefined) owner.progressed(frame.payload.length);
      pending.accept(frame.payload);
      if ((header.flags & FLAG_MORE) !== 0) return;
      this.#pending.delete(header.requestId);
      owner.settle(pending, frame.body);
    }
  }

  /** Ends a request by what came for it; the rest of its reply is thrown away. */
  #giveUp(pending: Pending, header: FrameHeader, error: TidecacheError): void {
    this.#pending.delete(pending.requestId);
    if ((header.flags & FLAG_MORE) !== 0) this.#cancel(pending);
    this.#init.owner.settle(pending, error);
  }

  #shake(handshake: ClientHandshake, frame: Frame): void {
    const answer = handshake.take(frame);
    if (answer !== true) {
      this.#send(OPCODES.PROOF.wire, answer, 2);
      return;
    }
    this.#handshake = undefined;
    this.#parser.maxBodyBytes = MAX_BODY_BYTES;
    this.#parser.maxPayloadBytes = MAX_PAYLOAD_BYTES;
    this.#init.wheel.cancel(this);
    if (this.#init.owner.kept) this.#watch();
    this.#init.owner.up();
  }

  #pendingOf(header: FrameHeader): Pending | undefined {
    const pending = this.#pending.get(header.requestId);
    return pending?.settled ? undefined : pending;
  }

  #cancel(pending: Pending): void {
    this.#send(pending.opcode, EMPTY_BODY, pending.requestId, FLAG_CANCEL);
  }

  #send(opcode: number, body: Uint8Array, requestId: number, flags = 0): void {
    const deadlineMs = this.#init.limits.connectMs;
    this.#writer.send({ flags, opcode, status: 0, requestId, deadlineMs, body });
  }

  /** Rising, so that ids tell who was first; but for once in 2³² requests, when silences may end early or late. */
  #takeId(): number {
    for (;;) {
      const id = this.#nextId;
      this.#nextId = id + 1 >= PING_ID ? 1 : id + 1;
      if (!this.#pending.has(id)) return id;
    }
  }

  #broken(cause?: Error): TidecacheError {
    const stage = this.#handshake === undefined ? 'the connection ended' : 'cannot connect';
    const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? cause?.message;
    return unreachable(this.#where, code === undefined ? stage : `${stage}: ${code}`, cause);
  }

  /** What a throw while reading means: the handshake's own verdict, or a stream that can't be followed any more. */
  #lost(thrown: unknown): TidecacheError {
    if (this.#handshake !== undefined && thrown instanceof TidecacheError) return thrown;
    return unreachable(this.#where, thrown instanceof Error ? thrown.message : String(thrown), thrown);
  }
}

function unreachable(where: string, reason: string, cause?: unknown): TidecacheError {
  return new TidecacheError('UNREACHABLE', `${where}: ${reason}`, cause === undefined ? {} : { cause });
}
