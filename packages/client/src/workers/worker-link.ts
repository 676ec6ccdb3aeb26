/** One worker as the client sees it: the connection to it, and whether it can be relied on right now. */
import { existsSync } from 'node:fs';
import {
  asTidecacheError,
  type NotLent,
  OPCODES,
  type RingMember,
  TidecacheError,
  WORKER_ATTEMPT_MS,
  type WorkerId,
  workerId,
} from '@tidecache/protocol';
import type { Address, Peer, PeerEvents, Reply, RequestOptions } from '@tidecache/transport';
import type { Clock } from '../clock.js';
import { READ_AHEAD_PER_WORKER_BYTES } from '../limits.js';
import type { Logger } from '../logger.js';
import { Breaker } from './breaker.js';
import type { Loan } from './loan.js';
import { Mapping, type WantedFile } from './mapping.js';

export interface WorkerLinkInit {
  readonly member: RingMember;
  /** Of this process: a worker with the same one is reached by its Unix-domain socket. */
  readonly hostId: string;
  /** To who sends its bytes. */
  readonly connect: (address: Address) => Peer;
  /** To who may let its memory be mapped. */
  readonly connectMapped: (address: Address, events: PeerEvents) => Peer;
  /** Map the memory of a worker on this host, where it shares it. */
  readonly mapMemory: boolean;
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
  #mapping: Mapping | undefined;

  constructor(init: WorkerLinkInit) {
    this.#init = init;
    this.member = init.member;
    this.id = workerId(init.member.id);
    const { unixPath, hostId } = init.member;
    const local = unixPath !== undefined && hostId === init.hostId && existsSync(unixPath);
    this.#peer = local ? this.#connectLocally(unixPath) : init.connect(tcpAddress(init.member));
  }

  /** The worker's memory, while it's mapped here. */
  get mapping(): Mapping | undefined {
    return this.#mapping;
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

  /** Rejects as {@link Peer.request}. */
  async read(body: Uint8Array, options: RequestOptions): Promise<Reply> {
    try {
      const reply = await this.#request(body, options);
      this.#breaker.succeeded();
      return reply;
    } catch (thrown) {
      const error = asTidecacheError(thrown);
      this.#judge(error, options);
      throw error;
    }
  }

  /** As {@link Mapping.borrow}; rejects with UNREACHABLE when its memory is mapped no more. */
  async borrow(files: readonly WantedFile[]): Promise<(Loan | NotLent)[]> {
    if (!this.#mapping) throw new TidecacheError('UNREACHABLE', `the memory of ${this.id} is not mapped`);
    return this.#mapping.borrow(files);
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

  #connectLocally(unixPath: string): Peer {
    if (!this.#init.mapMemory) return this.#init.connect({ unixPath });
    let connections = 0;
    const peer = this.#init.connectMapped(
      { unixPath },
      {
        onConnected: () => {
          const connection = ++connections;
          Mapping.open(peer, this.#init.clock).then(
            (mapping) => {
              if (connection === connections && peer.connected) this.#mapping = mapping;
              else mapping.end();
            },
            (error) =>
              this.#init.logger.debug(
                { worker: this.id, reason: asTidecacheError(error).message },
                'no shared memory',
              ),
          );
        },
        onDisconnected: () => {
          connections++;
          this.#mapping?.end();
          this.#mapping = undefined;
        },
      },
    );
    return peer;
  }

  async #request(body: Uint8Array, options: RequestOptions): Promise<Reply> {
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
