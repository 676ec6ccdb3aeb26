import { TidecacheError } from '@tidecache/protocol';
import { Backoff } from '../client/backoff.js';
import type { Clock } from '../clock.js';
import { PEER_LIMITS } from '../limits.js';
import { IoThread, type Thread } from './io-thread.js';

export interface ThreadSlotInit {
  readonly name: string;
  readonly start: () => Thread;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly onThreadEnded: (reason: TidecacheError) => void;
}

/** The place of one I/O thread: started with the first peer, and again when one is needed after it ended, with back-off. */
export class ThreadSlot {
  readonly #init: ThreadSlotInit;
  readonly #backoff: Backoff;
  #thread: IoThread | undefined;
  #startedAt = 0;
  /** Why there is no thread, and until when none is started. */
  #failure: { readonly error: TidecacheError; readonly untilAt: number } | undefined;
  #peers = 0;
  #isClosed = false;

  constructor(init: ThreadSlotInit) {
    this.#init = init;
    this.#backoff = new Backoff(PEER_LIMITS.backoffMinMs, PEER_LIMITS.backoffMaxMs, init.random);
  }

  /** Peers that live here. */
  get peers(): number {
    return this.#peers;
  }

  /** One more lives here. The thread is started now, where it may be: that takes long for who waits. */
  enter(): void {
    this.#peers++;
    if (!this.#refusal()) this.thread();
  }

  leave(): void {
    this.#peers--;
  }

  /** The thread. Throws UNREACHABLE with what ended the last one, for a while after that, and CANCELLED when closed. */
  thread(): IoThread {
    if (this.#thread) return this.#thread;
    const { name, clock, start } = this.#init;
    const refusal = this.#refusal();
    if (refusal) throw refusal;
    this.#startedAt = clock.now();
    this.#thread = new IoThread({ name, clock, thread: start(), onEnded: (reason) => this.#ended(reason) });
    return this.#thread;
  }

  /** Runs `run` when a thread may be started again; the answer cancels it. */
  afterPause(run: () => void): () => void {
    const { clock } = this.#init;
    return clock.after(Math.max(0, (this.#failure?.untilAt ?? 0) - clock.now()), run);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#thread?.end();
  }

  /** Why none can be started now. */
  #refusal(): TidecacheError | undefined {
    const { name, clock } = this.#init;
    if (this.#isClosed) return new TidecacheError('CANCELLED', `${name}: closed`);
    return this.#failure && clock.now() < this.#failure.untilAt ? this.#failure.error : undefined;
  }

  #ended(error: TidecacheError): void {
    this.#thread = undefined;
    if (this.#isClosed) return;
    const now = this.#init.clock.now();
    if (now - this.#startedAt > PEER_LIMITS.backoffMaxMs) this.#backoff.reset();
    this.#failure = { error, untilAt: now + this.#backoff.nextMs() };
    this.#init.onThreadEnded(error);
  }
}
