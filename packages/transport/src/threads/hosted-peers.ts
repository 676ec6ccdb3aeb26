/** The side of an I/O thread that has the sockets: real peers, which do what the other side's messages say. */
import { asTidecacheError, ERRORS, TidecacheError } from '@tidecache/protocol';
import type { Peer, Reply } from '../api.js';
import type { createPeer } from '../client/peer.js';
import { type Batch, type Message, messagesOf, Outbox } from './batch.js';
import {
  FLAG_CANCELLABLE,
  FLAG_PATIENT,
  FROM_IO,
  NO_MEMORY,
  OWN_MEMORY,
  type PeerData,
  TO_IO,
} from './messages.js';

export class HostedPeers {
  readonly #createPeer: typeof createPeer;
  readonly #out: Outbox;
  readonly #peers = new Map<number, Peer>();
  readonly #shared: SharedArrayBuffer[] = [];
  readonly #cancels = new Map<number, AbortController>();
  /** By request: verified bytes that the other side has not been told of. Those of one turn are told as one. */
  readonly #progress = new Map<number, number>();

  constructor(post: (batch: Batch) => void, create: typeof createPeer) {
    this.#createPeer = create;
    this.#out = new Outbox(post, () => {
      for (const request of [...this.#progress.keys()]) this.#tellProgress(request);
    });
  }

  /** Throws what ends the thread: a bug of ours. */
  take(batch: Batch): void {
    this.#shared.push(...batch.shared);
    for (const message of messagesOf(batch)) this.#take(message);
  }

  #take({ kind, numbers, bytes }: Message): void {
    const [first] = numbers as [number];
    switch (kind) {
      case TO_IO.open:
        this.#open(first, JSON.parse(bytes.toString()) as PeerData);
        break;
      case TO_IO.request:
        this.#request(numbers, bytes);
        break;
      case TO_IO.cancel:
        this.#cancels.get(first)?.abort();
        break;
      case TO_IO.tell:
        this.#peerOf(first).tell(numbers[1]!, bytes);
        break;
      case TO_IO.keep:
        this.#peerOf(first).keepConnected();
        break;
      case TO_IO.close:
        void this.#close(first);
        break;
      case TO_IO.ping:
        this.#out.add(FROM_IO.pong, []);
        break;
    }
  }

  #open(number: number, data: PeerData): void {
    const events = {
      onConnected: () => this.#out.add(FROM_IO.up, [number]),
      onDisconnected: (reason: TidecacheError) => this.#tellError(FROM_IO.down, number, reason),
      onPush: (opcode: number, body: Buffer) => this.#out.add(FROM_IO.push, [number, opcode], body),
    };
    const { limits, ...rest } = data;
    this.#peers.set(number, this.#createPeer({ ...rest, events, ...(limits && { limits }) }));
  }

  #request(numbers: readonly number[], body: Buffer): void {
    const [peer, request, opcode, flags, deadlineMs, silenceMs, memory, offset, length] =
      numbers as RequestNumbers;
    const into = this.#memory(memory, offset, length);
    const signal = (flags & FLAG_CANCELLABLE) !== 0 ? this.#cancellable(request) : undefined;
    const options = {
      deadlineMs,
      patient: (flags & FLAG_PATIENT) !== 0,
      ...(silenceMs > 0 && { silenceMs }),
      ...(signal && { signal }),
      ...(into && { into }),
      ...(memory >= 0 && { onProgress: (bytes: number) => this.#progressed(request, bytes) }),
    };
    this.#peerOf(peer)
      .request(opcode, body, options)
      .then(
        (reply) => this.#reply(request, reply, memory === OWN_MEMORY ? into : undefined),
        (thrown) => this.#fail(request, asTidecacheError(thrown)),
      );
  }

  #memory(memory: number, offset: number, length: number): Uint8Array | undefined {
    if (memory === NO_MEMORY) return undefined;
    return memory === OWN_MEMORY
      ? new Uint8Array(length)
      : Buffer.from(this.#shared[memory]!, offset, length);
  }

  #cancellable(request: number): AbortSignal {
    const controller = new AbortController();
    this.#cancels.set(request, controller);
    return controller.signal;
  }

  #progressed(request: number, bytes: number): void {
    this.#progress.set(request, bytes);
    this.#out.postSoon();
  }

  #tellProgress(request: number): void {
    const bytes = this.#progress.get(request);
    if (bytes !== undefined) this.#out.add(FROM_IO.progress, [request, bytes]);
    this.#progress.delete(request);
  }

  #reply(request: number, { body, payload, payloadBytes }: Reply, own: Uint8Array | undefined): void {
    this.#cancels.delete(request);
    this.#progress.delete(request);
    const unseen = own?.subarray(0, payloadBytes) ?? payload;
    const bytes = unseen?.length ? Buffer.concat([body, unseen]) : body;
    this.#out.add(FROM_IO.reply, [request, payloadBytes, body.length], bytes);
  }

  #fail(request: number, error: TidecacheError): void {
    this.#cancels.delete(request);
    // What has come is good all the same: the asker goes on from there.
    this.#tellProgress(request);
    this.#tellError(FROM_IO.fail, request, error);
  }

  #tellError(kind: number, number: number, { code, message }: TidecacheError): void {
    this.#out.add(kind, [number, ERRORS[code].wire], Buffer.from(message));
  }

  async #close(number: number): Promise<void> {
    const peer = this.#peerOf(number);
    this.#peers.delete(number);
    await peer.close();
    this.#out.add(FROM_IO.closed, [number]);
  }

  #peerOf(number: number): Peer {
    const peer = this.#peers.get(number);
    if (!peer) throw new TidecacheError('INTERNAL', `no peer ${number} in this thread`);
    return peer;
  }
}

type RequestNumbers = [number, number, number, number, number, number, number, number, number];
