/** A peer without a network: what a server would do is a function, and time is the test's. */
import { TidecacheError } from '@tidecache/protocol';
import type { Address, Peer, PeerEvents, Reply, RequestOptions } from '@tidecache/transport';
import type { FakeClock } from './fake-clock.js';

/** One request as the server's double sees it. Whatever it does after the request has settled has no effect. */
export interface FakeCall {
  readonly opcode: number;
  readonly body: Buffer;
  readonly options: RequestOptions;
  readonly settled: boolean;
  /** Bytes that arrive and agree with their checksum: the next ones of the payload. */
  deliver(bytes: Uint8Array): void;
  /** Bytes that arrive without their checksum being known yet: they are in the buffer, and nobody may trust them. */
  scribble(bytes: Uint8Array): void;
  reply(body?: Uint8Array): void;
  fail(error: TidecacheError): void;
}

export type Behaviour = (call: FakeCall) => void;

export class FakePeer implements Peer {
  readonly address: Address;
  connected = true;
  inFlightBytes = 0;
  closed = false;
  readonly #clock: FakeClock;
  readonly #behave: Behaviour;
  readonly #inFlight = new Set<(error: TidecacheError) => void>();

  constructor(address: Address, clock: FakeClock, behave: Behaviour, events?: PeerEvents) {
    this.address = address;
    this.#clock = clock;
    this.#behave = behave;
    clock.after(0, () => {
      if (!this.closed) events?.onConnected?.();
    });
  }

  tell(): boolean {
    return this.connected;
  }

  request(opcode: number, body: Uint8Array, options: RequestOptions): Promise<Reply> {
    if (this.closed) return Promise.reject(new TidecacheError('CANCELLED', 'this peer is closed'));
    if (options.signal?.aborted) return Promise.reject(new TidecacheError('CANCELLED', 'cancelled'));
    return new Promise((resolve, reject) => {
      const bytes = options.into?.length ?? 0;
      let received = 0;
      let settled = false;
      let stopSilence = () => {};
      this.inFlightBytes += bytes;
      const end = () => {
        settled = true;
        this.inFlightBytes -= bytes;
        this.#inFlight.delete(fail);
        stopDeadline();
        stopSilence();
        options.signal?.removeEventListener('abort', abort);
      };
      const fail = (error: TidecacheError) => {
        if (settled) return;
        end();
        reject(error);
      };
      const abort = () => fail(new TidecacheError('CANCELLED', 'cancelled'));
      const listen = () => {
        stopSilence();
        if (options.silenceMs === undefined) return;
        stopSilence = this.#clock.after(options.silenceMs, () =>
          fail(new TidecacheError('TIMEOUT', 'silence')),
        );
      };
      const stopDeadline = this.#clock.after(options.deadlineMs, () =>
        fail(new TidecacheError('TIMEOUT', 'deadline')),
      );
      options.signal?.addEventListener('abort', abort);
      listen();
      this.#inFlight.add(fail);
      this.#behave({
        opcode,
        body: Buffer.from(body),
        options,
        get settled() {
          return settled;
        },
        deliver: (part) => {
          if (settled) return;
          listen();
          options.into?.set(part, received);
          received += part.length;
          options.onProgress?.(received);
        },
        scribble: (part) => {
          if (settled) return;
          listen();
          options.into?.set(part, received);
        },
        reply: (answer = Buffer.alloc(0)) => {
          if (settled) return;
          end();
          resolve({ body: Buffer.from(answer), payloadBytes: received });
        },
        fail,
      });
    });
  }

  /** The connection breaks: all that is in flight ends. */
  break(): void {
    for (const fail of [...this.#inFlight]) fail(new TidecacheError('UNREACHABLE', 'the connection broke'));
  }

  keepConnected(): void {}

  async close(): Promise<void> {
    this.closed = true;
    for (const fail of [...this.#inFlight])
      fail(new TidecacheError('CANCELLED', 'this side closed the connection'));
  }
}
