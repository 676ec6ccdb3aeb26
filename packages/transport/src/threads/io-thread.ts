/**
 * One I/O thread, from its start to its end, as the thread that started it sees it. It is never started again; its slot
 * starts another. Nothing that it was asked settles before it has let go of the memory: by its word, or by its end.
 */
import { asTidecacheError, errorCodeOf, TidecacheError } from '@tidecache/protocol';
import type { Peer, Reply, RequestOptions } from '../api.js';
import type { Clock } from '../clock.js';
import {
  MAX_SHARED_BUFFERS,
  MAX_THREAD_REQUESTS,
  THREAD_CLOSE_MS,
  THREAD_LOOK_MS,
  THREAD_SILENT_LOOKS,
} from '../limits.js';
import { Asked, type Asker } from './asked.js';
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

/** What of a `Worker` of node:worker_threads is used. */
export interface Thread {
  postMessage(batch: Batch): void;
  on(event: 'message', listener: (batch: Batch) => void): unknown;
  on(event: 'error' | 'messageerror', listener: (error: Error) => void): unknown;
  on(event: 'exit', listener: (status: number) => void): unknown;
  terminate(): Promise<unknown>;
}

/** A peer that the thread holds, as it hears of it. */
export interface PeerOwner extends Asker {
  up(): void;
  down(reason: TidecacheError): void;
  push(opcode: number, body: Buffer): void;
  /** The thread has ended, and the peer with it. */
  ended(reason: TidecacheError): void;
}

export interface IoThreadInit {
  /** What it is called in messages. */
  readonly name: string;
  readonly thread: Thread;
  readonly clock: Clock;
  /** Once, before anybody is told who waited for it. */
  readonly onEnded: (reason: TidecacheError) => void;
}

export class IoThread {
  readonly #init: IoThreadInit;
  readonly #out: Outbox;
  readonly #owners = new Map<number, PeerOwner>();
  readonly #asked = new Map<number, Asked>();
  readonly #closing = new Map<number, () => void>();
  /** The numbers of shared buffers, as both sides count them. */
  readonly #shared = new WeakMap<SharedArrayBuffer, number>();
  #sharedCount = 0;
  #lastNumber = 0;
  /** Why it is being ended. */
  #reason: TidecacheError | undefined;
  #isEnded = false;
  #onEnded = () => {};
  /** Times in a row that a look found nothing new. */
  #silentLooks = 0;
  #stopLooking: (() => void) | undefined;

  constructor(init: IoThreadInit) {
    this.#init = init;
    const { thread, name } = init;
    this.#out = new Outbox((batch) => thread.postMessage(batch));
    thread.on('message', (batch) => this.#heard(batch));
    thread.on('messageerror', (error) => this.#kill(asTidecacheError(error, 'INTERNAL', name)));
    thread.on('error', (error) => {
      this.#reason = asTidecacheError(error, 'INTERNAL', name);
    });
    thread.on('exit', (status) => this.#ended(status));
  }

  /** A new peer in it: its number. */
  open(owner: PeerOwner, data: PeerData): number {
    const peer = ++this.#lastNumber;
    this.#owners.set(peer, owner);
    this.#out.add(TO_IO.open, [peer], Buffer.from(JSON.stringify(data)));
    return peer;
  }

  /** Rejects as {@link Peer.request}, and with BUSY when it has been asked for too much already. */
  request(peer: number, opcode: number, body: Uint8Array, options: RequestOptions): Promise<Reply> {
    if (this.#asked.size >= MAX_THREAD_REQUESTS) {
      const { name } = this.#init;
      const message = `${name}: ${this.#asked.size} requests are waiting already`;
      return Promise.reject(new TidecacheError('BUSY', message));
    }
    const { deadlineMs, silenceMs = 0, patient, signal, into } = options;
    const request = ++this.#lastNumber;
    const flags = (patient ? FLAG_PATIENT : 0) | (signal ? FLAG_CANCELLABLE : 0);
    const memory = this.#memoryOf(into);
    const where = [into?.byteOffset ?? 0, into?.length ?? 0];
    const numbers = [peer, request, opcode, flags, deadlineMs, silenceMs, memory, ...where];
    this.#out.add(TO_IO.request, numbers, body);
    return new Promise((resolve, reject) => {
      const cancel = () => this.#out.add(TO_IO.cancel, [request]);
      this.#asked.set(request, new Asked(this.#owners.get(peer)!, options, resolve, reject, cancel));
      this.#look();
    });
  }

  tell(peer: number, opcode: number, body: Uint8Array): void {
    this.#out.add(TO_IO.tell, [peer, opcode], body);
  }

  keepConnected(peer: number): void {
    this.#out.add(TO_IO.keep, [peer]);
  }

  /** Resolves when all requests of the peer have settled and its connection is closed. */
  close(peer: number): Promise<void> {
    this.#out.add(TO_IO.close, [peer]);
    return new Promise((resolve) => {
      this.#closing.set(peer, resolve);
      this.#look();
    });
  }

  /** Ends it as it is. Resolves when it has ended, or after THREAD_CLOSE_MS. */
  async end(): Promise<void> {
    if (this.#isEnded) return;
    const { clock, thread } = this.#init;
    let stopTimer = () => {};
    const ended = new Promise<void>((resolve) => {
      this.#onEnded = resolve;
      stopTimer = clock.after(THREAD_CLOSE_MS, resolve);
    });
    void thread.terminate();
    await ended;
    stopTimer();
  }

  #memoryOf(into: Uint8Array | undefined): number {
    if (into === undefined) return NO_MEMORY;
    const { buffer } = into;
    if (!(buffer instanceof SharedArrayBuffer)) return OWN_MEMORY;
    const known = this.#shared.get(buffer);
    if (known !== undefined) return known;
    // The thread keeps what it was introduced to: without a bound, memory that is made anew for each request would pile up.
    if (this.#sharedCount >= MAX_SHARED_BUFFERS) return OWN_MEMORY;
    this.#shared.set(buffer, this.#sharedCount);
    this.#out.introduce(buffer);
    return this.#sharedCount++;
  }

  #heard(batch: Batch): void {
    this.#silentLooks = 0;
    for (const message of messagesOf(batch)) this.#take(message);
  }

  #take({ kind, numbers, bytes }: Message): void {
    const [first, second, third] = numbers as [number, number, number];
    switch (kind) {
      case FROM_IO.progress:
        this.#asked.get(first)?.progress(second);
        break;
      case FROM_IO.reply:
        this.#settled(first)?.reply(bytes.subarray(0, third), second, bytes.subarray(third));
        break;
      case FROM_IO.fail:
        this.#settled(first)?.fail(errorOf(second, bytes));
        break;
      case FROM_IO.up:
        this.#owners.get(first)?.up();
        break;
      case FROM_IO.down:
        this.#owners.get(first)?.down(errorOf(second, bytes));
        break;
      case FROM_IO.push:
        this.#owners.get(first)?.push(second, bytes);
        break;
      case FROM_IO.closed:
        this.#owners.delete(first);
        this.#closing.get(first)?.();
        this.#closing.delete(first);
        break;
    }
  }

  #settled(request: number): Asked | undefined {
    const asked = this.#asked.get(request);
    this.#asked.delete(request);
    return asked;
  }

  /**
   * From time to time while something is awaited: whether the thread still runs. Looks are counted, not time, so that
   * a thread is not blamed when this one was busy.
   */
  #look(): void {
    if (this.#stopLooking !== undefined) return;
    this.#stopLooking = this.#init.clock.after(THREAD_LOOK_MS, () => {
      this.#stopLooking = undefined;
      if (this.#asked.size + this.#closing.size === 0) return;
      if (++this.#silentLooks > THREAD_SILENT_LOOKS) {
        const { name } = this.#init;
        this.#kill(new TidecacheError('UNREACHABLE', `${name}: silent, and ended for it`));
        return;
      }
      this.#out.add(TO_IO.ping, []);
      this.#look();
    });
  }

  #kill(reason: TidecacheError): void {
    this.#reason = reason;
    void this.#init.thread.terminate();
  }

  #ended(status: number): void {
    this.#isEnded = true;
    this.#stopLooking?.();
    this.#onEnded();
    const { name, onEnded } = this.#init;
    const reason = this.#reason?.message ?? `${name}: the thread ended (status ${status})`;
    const error = new TidecacheError('UNREACHABLE', reason, { cause: this.#reason });
    onEnded(error);
    for (const asked of [...this.#asked.values()]) asked.fail(error);
    for (const closed of [...this.#closing.values()]) closed();
    for (const owner of [...this.#owners.values()]) owner.ended(error);
  }
}

const errorOf = (code: number, message: Buffer): TidecacheError =>
  new TidecacheError(errorCodeOf(code), message.toString());
