import { asTidecacheError, TidecacheError } from '@tidecache/protocol';
import { addressText } from '../address.js';
import type { Address, Peer, PeerEvents, Reply, RequestOptions } from '../api.js';
import type { IoThread, PeerOwner } from './io-thread.js';
import type { PeerData } from './messages.js';
import type { ThreadSlot } from './thread-slot.js';

/** Where a peer is, and what it is called there. */
interface Home {
  readonly thread: IoThread;
  readonly number: number;
}

/** A peer whose sockets are in an I/O thread. When that ends, it's opened in the next one at its next request. */
export class ThreadedPeer implements Peer, PeerOwner {
  readonly address: Address;
  connected = false;
  inFlightBytes = 0;
  readonly #slot: ThreadSlot;
  readonly #data: PeerData;
  readonly #events: PeerEvents;
  #home: Home | undefined;
  #isKept = false;
  #stopKeeping = () => {};
  #isClosed = false;

  constructor(slot: ThreadSlot, data: PeerData, events: PeerEvents) {
    this.#slot = slot;
    this.#data = data;
    this.#events = events;
    this.address = data.address;
    slot.enter();
  }

  async request(opcode: number, body: Uint8Array, options: RequestOptions): Promise<Reply> {
    const where = addressText(this.address);
    if (options.signal?.aborted) throw new TidecacheError('CANCELLED', `${where}: the request was cancelled`);
    if (options.payload)
      throw new TidecacheError('UNSUPPORTED', `${where}: no payload goes through a thread`);
    const { thread, number } = this.#open();
    return thread.request(number, opcode, body, options);
  }

  tell(opcode: number, body: Uint8Array): boolean {
    if (!this.connected) return false;
    this.#home?.thread.tell(this.#home.number, opcode, body);
    return true;
  }

  keepConnected(): void {
    this.#isKept = true;
    this.#keep();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#slot.leave();
    this.#stopKeeping();
    await this.#home?.thread.close(this.#home.number);
  }

  up(): void {
    this.connected = true;
    this.#events.onConnected?.();
  }

  down(reason: TidecacheError): void {
    this.connected = false;
    this.#events.onDisconnected?.(reason);
  }

  push(opcode: number, body: Buffer): void {
    this.#events.onPush?.(opcode, body);
  }

  ended(reason: TidecacheError): void {
    this.#home = undefined;
    if (this.connected) this.down(reason);
    if (this.#isKept) this.#keep();
  }

  #keep(): void {
    if (this.#isClosed) return;
    try {
      const { thread, number } = this.#open();
      thread.keepConnected(number);
    } catch (thrown) {
      if (asTidecacheError(thrown).code !== 'UNREACHABLE') throw thrown;
      this.#stopKeeping = this.#slot.afterPause(() => this.#keep());
    }
  }

  #open(): Home {
    if (this.#isClosed) {
      throw new TidecacheError('CANCELLED', `${addressText(this.address)}: this peer is closed`);
    }
    if (!this.#home) {
      const thread = this.#slot.thread();
      this.#home = { thread, number: thread.open(this, this.#data) };
    }
    return this.#home;
  }
}
