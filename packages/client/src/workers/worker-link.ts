/** One worker as the client sees it: the connection to it, and whether it can be relied on right now. */
import { existsSync } from 'node:fs';
import {
  asTidecacheError,
  OPCODES,
  type RingMember,
  type TidecacheError,
  WORKER_ATTEMPT_MS,
  type WorkerId,
  workerId,
} from '@tidecache/protocol';
import type { Address, Peer, RequestOptions } from '@tidecache/transport';
import type { Clock } from '../clock.js';
import { READ_AHEAD_PER_WORKER_BYTES } from '../limits.js';
import type { Logger } from '../logger.js';
import { Breaker } from './breaker.js';

export interface WorkerLinkInit {
  readonly member: RingMember;
  /** Of this process: a worker with the same one is reached by its Unix-domain socket. */
  readonly hostId: string;
  readonly connect: (address: Address) => Peer;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

export class WorkerLink {
  readonly id: WorkerId;
  readonly member: RingMember;
  readonly #init: WorkerLinkInit;
  readonly #breaker = new Breaker();
  #peer: Peer;
  #stopProbe: (() => void) | undefined;
  #closed = false;
  /** The socket file has led to the worker before: when it fails now, the worker did. */
  #unixWorked = false;

  constructor(init: WorkerLinkInit) {
    this.#init = init;
    this.member = init.member;
    this.id = workerId(init.member.id);
    const { unixPath, hostId } = init.member;
    const local = unixPath !== undefined && hostId === init.hostId && existsSync(unixPath);
    this.#peer = init.connect(local ? { unixPath } : tcpAddress(init.member));
  }

  /** It failed lately, and has not answered a probe since. */
  get aside(): boolean {
    return this.#breaker.aside;
  }

  /** Has enough to do for readers that don't wait. */
  get fullAhead(): boolean {
    return this.#peer.inFlightBytes >= READ_AHEAD_PER_WORKER_BYTES;
  }

  /** A handshaken connection is up: what it answers comes from the worker itself. */
  get connected(): boolean {
    return this.#peer.connected;
  }

  /** Resolves to the bytes received. Rejects as {@link Peer.request}. */
  async read(body: Uint8Array, options: RequestOptions): Promise<number> {
    try {
      const reply = await this.#request(body, options);
      this.#breaker.succeeded();
      return reply.payloadBytes;
    } catch (thrown) {
      const error = asTidecacheError(thrown);
      this.#judge(error, options);
      throw error;
    }
  }

  /** What it sent was wrong, though its connection is well. */
  distrust(error: TidecacheError): void {
    this.#putAside(error);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopProbe?.();
    await this.#peer.close();
  }

  async #request(body: Uint8Array, options: RequestOptions) {
    const peer = this.#peer;
    try {
      const reply = await peer.request(OPCODES.READ.wire, body, options);
      this.#unixWorked ||= 'unixPath' in peer.address;
      return reply;
    } catch (thrown) {
      if (asTidecacheError(thrown).code !== 'UNREACHABLE' || !this.#leaveUnix(peer)) throw thrown;
      return this.#peer.request(OPCODES.READ.wire, body, options);
    }
  }

  /** The socket file may be a leftover, or another container's: TCP from now on. True when it is worth another try. */
  #leaveUnix(failed: Peer): boolean {
    if (this.#closed || this.#unixWorked || !('unixPath' in failed.address)) return false;
    if (this.#peer === failed) {
      this.#peer = this.#init.connect(tcpAddress(this.member));
      failed.close().catch(() => {});
    }
    return true;
  }

  #judge(error: TidecacheError, options: RequestOptions): void {
    if (error.code === 'CANCELLED') return;
    const own = error.code === 'TIMEOUT' || error.code === 'UNREACHABLE' || error.code === 'CORRUPT';
    const foreign = error.code === 'PROTOCOL' || (error.code === 'ACCESS_DENIED' && !this.connected);
    // A deadline shorter than the silence granted to a worker says nothing about the worker.
    const hurried = error.code === 'TIMEOUT' && options.deadlineMs < WORKER_ATTEMPT_MS;
    if (hurried) return;
    if (own || foreign) this.#putAside(error);
    else this.#breaker.succeeded();
  }

  #putAside(error: TidecacheError): void {
    const probeInMs = this.#breaker.failed(error.code, this.#init.random());
    if (probeInMs === undefined) return;
    this.#init.logger.warn({ worker: this.id, code: error.code }, `worker put aside: ${error.message}`);
    this.#probeIn(probeInMs);
  }

  #probeIn(ms: number): void {
    if (this.#closed) return;
    this.#stopProbe = this.#init.clock.after(ms, () => {
      this.#probe().catch(() => {});
    });
  }

  async #probe(): Promise<void> {
    const options = { deadlineMs: WORKER_ATTEMPT_MS };
    try {
      await this.#peer.request(OPCODES.PING.wire, new Uint8Array(0), options);
      this.#breaker.probed();
    } catch {
      if (this.#breaker.aside) this.#probeIn(this.#breaker.probeFailed(this.#init.random()));
    }
  }
}

const tcpAddress = (member: RingMember): Address => ({ host: member.host, port: member.port });
