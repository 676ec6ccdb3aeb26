import { OPCODES, type TidecacheError } from '@tidecache/protocol';
import type { Peer, Reply, RequestOptions } from '@tidecache/transport';
import { FakeExchange } from './fake-exchange.js';
import { settle } from './fake-origin.js';
import type { fixture } from './fixture.js';

/** A connection from one fixture to another: requests are handled there, as if they had come over a socket. */
export class FakeNeighbour implements Peer {
  readonly address = { host: 'h', port: 1 };
  readonly connected = true;
  readonly inFlightBytes = 0;
  readonly asked: Buffer[] = [];
  /** Ends requests after this many bytes of their reply. */
  failAfter: { bytes: number; error: TidecacheError } | undefined;
  readonly #to: ReturnType<typeof fixture>;

  constructor(to: ReturnType<typeof fixture>) {
    this.#to = to;
  }

  async request(opcode: number, body: Uint8Array, options: RequestOptions): Promise<Reply> {
    if (opcode !== OPCODES.READ.wire) throw new Error(`a worker asked for ${opcode}`);
    this.asked.push(Buffer.from(body));
    const exchange = new FakeExchange(opcode, Buffer.from(body));
    this.#to.reads.handle(exchange);
    while (!exchange.ended) await settle();
    if (exchange.error) throw exchange.error;
    const bytes = exchange.bytes.subarray(0, this.failAfter?.bytes);
    options.into!.set(bytes);
    options.onProgress?.(bytes.length);
    if (this.failAfter) throw this.failAfter.error;
    return { body: Buffer.alloc(0), payloadBytes: bytes.length };
  }

  tell(): boolean {
    return false;
  }

  keepConnected(): void {}

  async close(): Promise<void> {}
}
