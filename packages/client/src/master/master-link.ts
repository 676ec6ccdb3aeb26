/** The connection to the master: attached anew at each reconnect, told of changes, asked with deadlines. */
import {
  asTidecacheError,
  DatasetList,
  decodeBody,
  Invalidation,
  MASTER_DEADLINE_MS,
  OPCODES,
  RELEASE,
  type ReplyOf,
  type RequestOf,
  Ring,
  TidecacheError,
} from '@tidecache/protocol';
import {
  type Address,
  addressText,
  type CallName,
  call,
  type Peer,
  type PeerEvents,
} from '@tidecache/transport';
import type { Clock } from '../clock.js';
import { MASTER_GRACE_MS, MASTER_PAUSE_MS, MAX_MASTER_CALLS, MAX_MASTER_PAUSE_MS } from '../limits.js';
import type { Logger } from '../logger.js';

export interface MasterEvents {
  /** `again`: after a time without the master, in which changes were missed. */
  onAttached(reply: ReplyOf<'ATTACH'>, again: boolean): void;
  onRing(ring: Ring): void;
  onDatasets(list: DatasetList): void;
  onInvalidate(change: Invalidation): void;
}

export interface MasterLinkInit {
  readonly address: Address;
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: MasterEvents;
  readonly connect: (address: Address, events: PeerEvents) => Peer;
}

export class MasterLink {
  readonly #init: MasterLinkInit;
  readonly #peer: Peer;
  #attached = false;
  #closed = false;
  #calls = 0;
  #away = false;
  #stopGrace: (() => void) | undefined;
  #stopRetry: (() => void) | undefined;
  /** Calls that have something to fall back on: ended when the master is away for longer than the grace. */
  readonly #impatient = new Set<AbortController>();

  constructor(init: MasterLinkInit) {
    this.#init = init;
    this.#peer = init.connect(init.address, {
      onConnected: () => this.#connected(),
      onDisconnected: (reason) => this.#disconnected(reason),
      onPush: (opcode, body) => this.#push(opcode, body),
    });
  }

  /**
   * Connects and attaches. Rejects with ACCESS_DENIED (wrong secret), PROTOCOL (another release), or UNREACHABLE after
   * `waitMs` without a master.
   */
  async start(waitMs = MASTER_DEADLINE_MS): Promise<void> {
    this.#peer.keepConnected();
    try {
      this.#take(await this.#attach(waitMs), false);
    } catch (thrown) {
      const error = asTidecacheError(thrown);
      if (error.code !== 'TIMEOUT' && error.code !== 'UNREACHABLE') throw error;
      throw new TidecacheError(
        'UNREACHABLE',
        `cannot reach the master at ${addressText(this.#init.address)} in ${waitMs} ms: ${error.message} (is it running? check address, port and firewall)`,
        { cause: error },
      );
    }
  }

  /**
   * Asks, also over a restart of the master, for at most MASTER_DEADLINE_MS. An `impatient` call is one that has
   * something to fall back on: it rejects with UNREACHABLE as soon as the master is away for longer than the grace.
   */
  async call<N extends CallName>(name: N, request: RequestOf<N>, impatient = false): Promise<ReplyOf<N>> {
    if (this.#calls >= MAX_MASTER_CALLS) {
      throw new TidecacheError('BUSY', `${name}: ${this.#calls} calls to the master are under way already`);
    }
    if (impatient && this.#away) throw this.#awayError(name);
    const controller = impatient ? new AbortController() : undefined;
    this.#calls++;
    if (controller) this.#impatient.add(controller);
    try {
      return await call(this.#peer, name, request, {
        deadlineMs: MASTER_DEADLINE_MS,
        patient: true,
        ...(controller && { signal: controller.signal }),
      });
    } catch (thrown) {
      if (controller?.signal.aborted && !this.#closed) throw this.#awayError(name, thrown);
      throw thrown;
    } finally {
      this.#calls--;
      if (controller) this.#impatient.delete(controller);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopGrace?.();
    this.#stopRetry?.();
    await this.#peer.close();
  }

  #attach(deadlineMs: number): Promise<ReplyOf<'ATTACH'>> {
    return call(
      this.#peer,
      'ATTACH',
      { name: this.#init.name, release: RELEASE },
      { deadlineMs, patient: true },
    );
  }

  #take(reply: ReplyOf<'ATTACH'>, again: boolean): void {
    this.#attached = true;
    this.#init.events.onAttached(reply, again);
  }

  #connected(): void {
    this.#stopGrace?.();
    this.#stopGrace = undefined;
    this.#away = false;
    // The first time, `start` attaches.
    if (this.#attached) void this.#attachAgain(MASTER_PAUSE_MS);
  }

  async #attachAgain(pauseMs: number): Promise<void> {
    this.#stopRetry?.();
    this.#stopRetry = undefined;
    try {
      this.#take(await this.#attach(MASTER_DEADLINE_MS), true);
      this.#init.logger.info({ master: addressText(this.#init.address) }, 'attached to the master again');
    } catch (thrown) {
      if (this.#closed) return;
      const error = asTidecacheError(thrown);
      this.#init.logger.warn({ code: error.code }, `cannot attach to the master: ${error.message}`);
      this.#stopRetry = this.#init.clock.after(pauseMs, () => {
        void this.#attachAgain(Math.min(pauseMs * 2, MAX_MASTER_PAUSE_MS));
      });
    }
  }

  #disconnected(reason: TidecacheError): void {
    if (this.#closed) return;
    this.#init.logger.warn({ code: reason.code }, `lost the master: ${reason.message}`);
    this.#stopGrace ??= this.#init.clock.after(MASTER_GRACE_MS, () => {
      this.#stopGrace = undefined;
      this.#away = true;
      for (const controller of [...this.#impatient]) controller.abort();
    });
  }

  #awayError(name: string, cause?: unknown): TidecacheError {
    const where = addressText(this.#init.address);
    return new TidecacheError('UNREACHABLE', `${name}: the master at ${where} is away`, { cause });
  }

  #push(opcode: number, body: Buffer): void {
    const { events, logger } = this.#init;
    try {
      if (opcode === OPCODES.RING.wire) events.onRing(decodeBody(Ring, body, 'RING'));
      else if (opcode === OPCODES.DATASETS.wire) events.onDatasets(decodeBody(DatasetList, body, 'DATASETS'));
      else if (opcode === OPCODES.INVALIDATE.wire) {
        events.onInvalidate(decodeBody(Invalidation, body, 'INVALIDATE'));
      } else logger.debug({ opcode }, 'a push of a kind that this release does not know');
    } catch (thrown) {
      logger.error({ opcode }, `cannot follow the master's push: ${asTidecacheError(thrown).message}`);
    }
  }
}
