/** One server as who asks sees it: dials, bounds what is in flight, keeps the rest in order, dials again. */
import { TidecacheError } from '@tidecache/protocol';
import { addressText, checkAddress } from '../address.js';
import type { Address, Peer, PeerEvents, Reply, RequestOptions } from '../api.js';
import { type Clock, realClock } from '../clock.js';
import { checkSecret } from '../handshake.js';
import { PEER_LIMITS, type PeerLimits } from '../limits.js';
import { TimerWheel } from '../timer-wheel.js';
import { Backoff } from './backoff.js';
import { Connection, type ConnectionOwner } from './connection.js';
import { Pending } from './pending.js';
import { WaitingLine } from './waiting-line.js';

export interface PeerInit {
  readonly address: Address;
  /** The shared secret. Proved in the handshake, never sent. */
  readonly secret: string;
  /** What the server calls this side in its messages. */
  readonly name: string;
  readonly events?: PeerEvents;
  readonly limits?: Partial<PeerLimits>;
  readonly clock?: Clock;
  /** For the jitter of the back-off; in [0, 1). */
  readonly random?: () => number;
  /** Another release than our own, in tests. */
  readonly release?: string;
}

/** A peer that dials at its first request. */
export function createPeer(init: PeerInit): Peer {
  checkSecret(init.secret);
  checkAddress(init.address);
  return new DialingPeer(init);
}

class DialingPeer implements Peer, ConnectionOwner {
  readonly address: Address;
  readonly #init: PeerInit;
  readonly #where: string;
  readonly #limits: PeerLimits;
  readonly #clock: Clock;
  readonly #wheel: TimerWheel;
  readonly #backoff: Backoff;
  readonly #waiting = new WaitingLine();
  #connection: Connection | undefined;
  #inFlightBytes = 0;
  #inFlight = 0;
  #kept = false;
  #closed = false;
  /** Why the last dial failed, until which time it is not tried again, and what cancels the next. */
  #failure: { error: TidecacheError; untilAt: number } | undefined;
  #redial: (() => void) | undefined;
  /** When the connection was handshaken; undefined while there is none. */
  #upSince: number | undefined;

  constructor(init: PeerInit) {
    this.#init = init;
    this.address = init.address;
    this.#where = addressText(init.address);
    this.#limits = { ...PEER_LIMITS, ...init.limits };
    this.#clock = init.clock ?? realClock;
    this.#wheel = new TimerWheel(this.#clock);
    this.#backoff = new Backoff(
      this.#limits.backoffMinMs,
      this.#limits.backoffMaxMs,
      init.random ?? Math.random,
    );
  }

  get connected(): boolean {
    return this.#connection?.up ?? false;
  }

  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  get kept(): boolean {
    return this.#kept;
  }

  request(opcode: number, body: Uint8Array, options: RequestOptions): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal(options);
      if (refusal !== undefined) {
        reject(refusal);
        return;
      }
      const pending = new Pending(opcode, body, options, this.#clock.now(), resolve, reject, this.#due);
      this.#wheel.schedule(pending, pending.nextDueAt());
      if (options.signal !== undefined) this.#listen(pending, options.signal);
      this.#waiting.push(pending);
      this.#pump();
    });
  }

  tell(opcode: number, body: Uint8Array): boolean {
    const connection = this.#connection;
    if (!connection?.up) return false;
    connection.tell(opcode, body);
    return true;
  }

  keepConnected(): void {
    if (this.#closed) return;
    this.#kept = true;
    if (this.#connection === undefined) this.#dialWhenAllowed();
    else this.#connection.watch();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#kept = false;
    this.#redial?.();
    this.#redial = undefined;
    const error = new TidecacheError('CANCELLED', `${this.#where}: this side closed the connection`);
    for (const pending of this.#waiting.clear()) this.#reject(pending, error);
    const connection = this.#connection;
    connection?.destroy(error);
    await connection?.closed;
  }

  /** Why a request can't even start. */
  #refusal(options: RequestOptions): TidecacheError | undefined {
    if (this.#closed) return new TidecacheError('CANCELLED', `${this.#where}: this peer is closed`);
    if (options.signal?.aborted) return cancelled(this.#where);
    const { deadlineMs } = options;
    if (!(deadlineMs > 0))
      return new TidecacheError('TIMEOUT', `${this.#where}: no time left (${deadlineMs} ms)`);
    if (this.#waiting.size >= this.#limits.waitingRequests) {
      return new TidecacheError('BUSY', `${this.#where}: ${this.#waiting.size} requests are waiting already`);
    }
    const pausing = this.#connection === undefined && this.#failure !== undefined && !options.patient;
    if (pausing && this.#clock.now() < this.#failure!.untilAt) return this.#failure!.error;
    return undefined;
  }

  #listen(pending: Pending, signal: AbortSignal): void {
    pending.onAbort = () => this.#abandon(pending, cancelled(this.#where));
    signal.addEventListener('abort', pending.onAbort, { once: true });
  }

  /** Sends what may be sent, in order. */
  #pump(): void {
    if (this.#waiting.size === 0) return;
    const connection = this.#connection;
    if (connection === undefined) this.#dialWhenAllowed();
    if (!connection?.up) return;
    for (let pending = this.#waiting.first(); pending !== undefined; pending = this.#waiting.first()) {
      const bytes = pending.dueBytes;
      if (this.#inFlight >= this.#limits.inFlightRequests) return;
      if (this.#inFlight > 0 && this.#inFlightBytes + bytes > this.#limits.inFlightBytes) return;
      this.#waiting.shift();
      this.#send(connection, pending, bytes);
    }
  }

  #send(connection: Connection, pending: Pending, bytes: number): void {
    this.#inFlight++;
    this.#inFlightBytes += bytes;
    try {
      connection.send(pending);
    } catch (thrown) {
      // Too long for a frame: the caller's mistake, told to the caller.
      this.settle(pending, thrown as TidecacheError);
    }
  }

  readonly #due = (pending: Pending): void => {
    const now = this.#clock.now();
    pending.lastAt = Math.max(pending.lastAt, this.#connection?.movedAt(pending) ?? 0);
    const dueAt = pending.nextDueAt();
    if (now < dueAt) {
      this.#wheel.schedule(pending, dueAt);
      return;
    }
    const state =
      pending.requestId !== 0
        ? `${pending.receivedBytes} bytes came`
        : this.connected
          ? 'waiting for its turn'
          : `not connected${this.#failure ? `: ${this.#failure.error.message}` : ''}`;
    this.#abandon(pending, pending.timeoutError(this.#where, now, state));
  };

  #abandon(pending: Pending, error: TidecacheError): void {
    if (pending.settled) return;
    if (pending.requestId === 0) {
      this.#waiting.leave();
      this.#reject(pending, error);
    } else {
      this.#connection?.abandon(pending, error);
    }
  }

  #release(pending: Pending): void {
    this.#inFlight--;
    this.#inFlightBytes -= pending.dueBytes;
  }

  /** Frees what the request held. False when it had settled before. */
  #end(pending: Pending): boolean {
    if (pending.settled) return false;
    pending.settled = true;
    this.#wheel.cancel(pending);
    if (pending.onAbort) pending.options.signal?.removeEventListener('abort', pending.onAbort);
    return true;
  }

  #reject(pending: Pending, error: TidecacheError): void {
    if (this.#end(pending)) pending.reject(error);
  }

  settle(pending: Pending, outcome: TidecacheError | Buffer): void {
    if (!this.#end(pending)) return;
    this.#release(pending);
    if (outcome instanceof TidecacheError) pending.reject(outcome);
    else pending.resolve(pending.replyOf(outcome));
    this.#pump();
  }

  progressed(bytes: number): void {
    this.#inFlightBytes -= bytes;
  }

  push(opcode: number, body: Buffer): void {
    this.#init.events?.onPush?.(opcode, body);
  }

  up(): void {
    this.#upSince = this.#clock.now();
    this.#failure = undefined;
    this.#init.events?.onConnected?.();
    this.#pump();
  }

  down(error: TidecacheError, orphans: Pending[]): void {
    this.#connection = undefined;
    const wasUp = this.#upSince !== undefined;
    if (!this.#closed) this.#pause(error);
    for (const pending of orphans) this.#release(pending);
    // A refusal is an answer: waiting longer does not change it.
    const refused = error.code === 'ACCESS_DENIED' || error.code === 'PROTOCOL';
    for (const pending of [...orphans, ...this.#waiting.clear()]) {
      if (pending.options.patient && !refused && !this.#closed) {
        pending.rewind();
        this.#waiting.push(pending);
      } else {
        this.#reject(pending, error);
      }
    }
    if (wasUp) this.#init.events?.onDisconnected?.(error);
    if (this.#kept || this.#waiting.size > 0) this.#dialWhenAllowed();
  }

  /** A connection that lasted may be replaced at once; any other end is answered by waiting longer each time. */
  #pause(error: TidecacheError): void {
    const now = this.#clock.now();
    const lasted = this.#upSince !== undefined && now - this.#upSince > this.#limits.backoffMaxMs;
    this.#upSince = undefined;
    if (lasted) this.#backoff.reset();
    this.#failure = { error, untilAt: lasted ? now : now + this.#backoff.nextMs() };
  }

  #dialWhenAllowed(): void {
    if (this.#closed || this.#connection !== undefined || this.#redial !== undefined) return;
    const pauseMs = (this.#failure?.untilAt ?? 0) - this.#clock.now();
    if (pauseMs <= 0) {
      this.#dial();
      return;
    }
    this.#redial = this.#clock.after(pauseMs, () => {
      this.#redial = undefined;
      if (this.#kept || this.#waiting.size > 0) this.#dial();
    });
  }

  #dial(): void {
    const { address, secret, name, release } = this.#init;
    this.#connection = new Connection({
      address,
      secret,
      name,
      release,
      clock: this.#clock,
      wheel: this.#wheel,
      limits: this.#limits,
      owner: this,
    });
  }
}

const cancelled = (where: string) => new TidecacheError('CANCELLED', `${where}: the request was cancelled`);
