/**
 * The worker's place in the ring: it registers, renews its lease with every heartbeat, and registers again when the
 * master does not know it (any more) or the connection was lost. Reads are served meanwhile, whoever asks.
 */
import {
  asTidecacheError,
  type DatasetList,
  decodeBody,
  OPCODES,
  RELEASE,
  type Ring,
  type RingMember,
  TidecacheError,
  type WorkerStats,
} from '@tidecache/protocol';
import { type Clock, call, type Peer, type PeerEvents } from '@tidecache/transport';
import { MASTER_CALL_MS, REGISTER_RETRY_MAX_MS, REGISTER_RETRY_MS } from './limits.js';
import type { Logger } from './logger.js';

export interface MembershipInit {
  /** Makes the connection to the master, with the events that this module listens to. */
  readonly connect: (events: PeerEvents) => Peer;
  readonly member: RingMember;
  readonly stats: () => WorkerStats;
  /** Called with every list of datasets. `restarted`: it comes from another life of the master. */
  readonly onDatasets: (list: DatasetList, restarted: boolean) => void;
  /** Called with every ring that the master tells of. */
  readonly onRing: (ring: Ring) => void;
  /** The generation of the datasets known here. */
  readonly generation: () => number;
  readonly clock: Clock;
  /** The time of day. */
  readonly now: () => number;
  readonly logger: Logger;
  readonly startDeadlineMs: number;
}

export class Membership {
  readonly #init: MembershipInit;
  #peer: Peer | undefined;
  #registered = false;
  #closed = false;
  #attempting = false;
  #heartbeatMs = REGISTER_RETRY_MAX_MS;
  #retryMs = REGISTER_RETRY_MS;
  /** Heartbeats in a row whose answer named datasets that no push brought. */
  #behind = 0;
  #cancelTimer: (() => void) | undefined;
  #joining: { resolve(): void; reject(error: TidecacheError): void; deadlineAt: number } | undefined;

  constructor(init: MembershipInit) {
    this.#init = init;
  }

  /** Whether the master knows this worker, as far as is known. */
  get registered(): boolean {
    return this.#registered;
  }

  /**
   * Resolves when the worker is in the ring. Rejects with what the master says when waiting won't help (wrong
   * secret, other release, clock), and with the last failure when there is no master within `startDeadlineMs`.
   */
  join(): Promise<void> {
    const { clock, startDeadlineMs, connect, logger } = this.#init;
    return new Promise((resolve, reject) => {
      this.#joining = { resolve, reject, deadlineAt: clock.now() + startDeadlineMs };
      this.#peer = connect({
        // A new connection gets no pushes before it registered, and a new master knows nobody.
        onConnected: () => {
          this.#registered = false;
          this.#attempt();
        },
        onDisconnected: (reason) => {
          this.#registered = false;
          if (!this.#closed) logger.warn({ reason: reason.message }, 'lost the master; reads go on');
        },
        onPush: (opcode, body) => this.#onPush(opcode, body),
      });
      this.#peer.keepConnected();
      this.#attempt();
    });
  }

  /** Leaves the ring, if the master can be told, and ends the connection. */
  async close(): Promise<void> {
    const peer = this.#peer;
    this.#closed = true;
    this.#cancelTimer?.();
    if (this.#registered && peer?.connected) {
      try {
        await call(peer, 'LEAVE', { workerId: this.#init.member.id }, { deadlineMs: MASTER_CALL_MS });
      } catch (error) {
        this.#init.logger.warn({ err: error }, 'could not tell the master; the lease ends by itself');
      }
    }
    this.#registered = false;
    await peer?.close();
  }

  /** Registers or renews, and arms the next attempt. One at a time: what is asked for meanwhile is what it does next. */
  #attempt(): void {
    if (this.#attempting || this.#closed || !this.#peer) return;
    this.#attempting = true;
    this.#cancelTimer?.();
    const work = this.#registered ? this.#heartbeat(this.#peer) : this.#register(this.#peer);
    void work.then((waitMs) => {
      this.#attempting = false;
      if (!this.#closed) this.#cancelTimer = this.#init.clock.after(waitMs, () => this.#attempt());
    });
  }

  /** Answers the milliseconds to wait before the next attempt. */
  async #register(peer: Peer): Promise<number> {
    const { member, now, onDatasets, logger } = this.#init;
    try {
      const request = { member, release: RELEASE, clockMs: now(), memoryBytes: member.weight };
      const reply = await call(peer, 'REGISTER', request, { deadlineMs: MASTER_CALL_MS });
      this.#registered = true;
      this.#behind = 0;
      this.#retryMs = REGISTER_RETRY_MS;
      this.#heartbeatMs = reply.heartbeatMs;
      onDatasets(reply.datasets, true);
      logger.info(
        { workerId: member.id, host: member.host, port: member.port },
        'registered with the master',
      );
      this.#joining?.resolve();
      this.#joining = undefined;
      return reply.heartbeatMs;
    } catch (thrown) {
      return this.#onRegisterFailed(asTidecacheError(thrown));
    }
  }

  #onRegisterFailed(error: TidecacheError): number {
    const { clock, logger } = this.#init;
    const waitMs = this.#retryMs;
    this.#retryMs = Math.min(waitMs * 2, REGISTER_RETRY_MAX_MS);
    const joining = this.#joining;
    if (joining && (!error.retryable || clock.now() + waitMs > joining.deadlineAt)) {
      this.#joining = undefined;
      this.#closed = true;
      const doing = 'cannot register with the master';
      joining.reject(new TidecacheError(error.code, `${doing}: ${error.message}`, { cause: error }));
      return waitMs;
    }
    const level = error.retryable ? 'warn' : 'error';
    logger[level]({ reason: error.message, retryMs: waitMs }, 'cannot register with the master yet');
    return waitMs;
  }

  async #heartbeat(peer: Peer): Promise<number> {
    const { member, stats, generation, logger } = this.#init;
    try {
      const request = { workerId: member.id, stats: stats() };
      const reply = await call(peer, 'HEARTBEAT', request, { deadlineMs: MASTER_CALL_MS });
      this.#behind = reply.generation > generation() ? this.#behind + 1 : 0;
      // Once may be a push that is on its way; twice is a push that was lost.
      if (this.#behind >= 2) this.#registered = false;
    } catch (thrown) {
      const error = asTidecacheError(thrown);
      if (error.code === 'NOT_FOUND') {
        this.#registered = false;
        logger.warn({ reason: error.message }, 'the master does not know this worker: registers again');
      } else {
        logger.debug({ reason: error.message }, 'a heartbeat failed');
      }
    }
    return this.#registered ? this.#heartbeatMs : 0;
  }

  #onPush(opcode: number, body: Buffer): void {
    const { onDatasets, onRing } = this.#init;
    try {
      if (opcode === OPCODES.DATASETS.wire) {
        onDatasets(decodeBody(OPCODES.DATASETS.request, body, 'DATASETS push'), false);
      } else if (opcode === OPCODES.RING.wire) {
        onRing(decodeBody(OPCODES.RING.request, body, 'RING push'));
      }
    } catch (error) {
      this.#init.logger.error({ err: error }, 'the master pushed something unreadable');
    }
  }
}
