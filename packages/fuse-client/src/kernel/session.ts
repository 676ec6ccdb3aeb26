/**
 * What is under way on one mount: which requests wait for an answer, since when, and for whom. Every request gets
 * exactly one answer: the operation's, ETIMEDOUT when that does not come, or EINTR when its asker has been killed.
 */
import { readFileSync } from 'node:fs';
import { errno, errnoOf } from '../errno.js';
import { OPERATION_DEADLINE_MS, SWEEP_INTERVAL_MS } from '../limits.js';
import type { Logger } from '../logger.js';
import { encodeOutHeader, type RequestHeader } from './conversion.js';
import type { Device } from './device.js';
import { OUT_HEADER_BYTES } from './wire.js';

interface Pending {
  readonly header: RequestHeader;
  readonly since: number;
  interrupted: boolean;
}

export interface SessionInit {
  readonly device: Pick<Device, 'write' | 'writeParts'>;
  readonly logger: Logger;
  readonly operationDeadlineMs?: number;
  /** Milliseconds, never going back. */
  readonly now?: () => number;
  /** Whether a thread has been sent SIGKILL (or dies of another signal). */
  readonly isKilled?: (pid: number) => boolean;
}

export class Session {
  /** Bytes of an answer after its header. One buffer: an answer is written before the next is made. */
  readonly out: Buffer = Buffer.allocUnsafeSlow(OUT_HEADER_BYTES + 256);
  readonly #device: Pick<Device, 'write' | 'writeParts'>;
  readonly #logger: Logger;
  readonly #deadlineMs: number;
  readonly #now: () => number;
  readonly #isKilled: (pid: number) => boolean;
  /** By unique, in order of arrival: the first is the oldest. Bounded by what the kernel has outstanding. */
  readonly #pending = new Map<number, Pending>();
  readonly #header = Buffer.allocUnsafeSlow(OUT_HEADER_BYTES);
  readonly #sweeper: NodeJS.Timeout;

  constructor(init: SessionInit) {
    this.#device = init.device;
    this.#logger = init.logger;
    this.#deadlineMs = init.operationDeadlineMs ?? OPERATION_DEADLINE_MS;
    this.#now = init.now ?? (() => performance.now());
    this.#isKilled = init.isKilled ?? hasPendingKill;
    this.#sweeper = setInterval(() => this.sweep(), SWEEP_INTERVAL_MS);
    this.#sweeper.unref();
  }

  /** Answers with an errno's name; '' is success without data. */
  replyError(header: RequestHeader, name: string): boolean {
    return this.#replyErrno(header, name === '' ? 0 : errno(name));
  }

  /** Answers with what was thrown. */
  replyThrown(header: RequestHeader, thrown: unknown): boolean {
    return this.#replyErrno(header, errnoOf(thrown));
  }

  /** Answers with the first `bytes` of {@link out} after its header. */
  replyOut(header: RequestHeader, bytes: number): boolean {
    encodeOutHeader(OUT_HEADER_BYTES + bytes, 0, header.unique, this.out);
    return this.#device.write(this.out, OUT_HEADER_BYTES + bytes);
  }

  /** Answers with `parts`, `bytes` long in all, which are not copied and are free again on return. */
  replyParts(header: RequestHeader, parts: readonly Uint8Array[], bytes: number): boolean {
    encodeOutHeader(OUT_HEADER_BYTES + bytes, 0, header.unique, this.#header);
    return this.#device.writeParts([this.#header, ...parts]);
  }

  /**
   * Hands `answer` to `reply` when it is there, which is at once where it is no promise. `reply` answers the request
   * and tells whether that reached the kernel. `after` runs once for every answer that came, also for one that came
   * too late or could not be delivered: there it gives back what the answer holds. What fails is answered with its
   * errno.
   */
  settle<T>(
    header: RequestHeader,
    answer: T | PromiseLike<T>,
    reply: (answer: T) => boolean,
    after?: (answer: T, delivered: boolean) => void,
  ): void {
    if (!isPromise(answer)) {
      this.#finish(header, answer, reply, after);
      return;
    }
    const pending: Pending = { header, since: this.#now(), interrupted: false };
    this.#pending.set(header.unique, pending);
    answer.then(
      (value) => {
        if (this.#take(pending)) this.#finish(header, value, reply, after);
        else after?.(value, false);
      },
      (thrown: unknown) => {
        if (this.#take(pending)) this.#fail(header, thrown);
      },
    );
  }

  /**
   * The asker of `unique` got a signal. Only one that dies of it is answered, with EINTR, so that it does not hang on
   * a slow read; one that handles the signal (a profiler's timer, a child's end) would otherwise see `stat` fail with
   * an error that programs don't expect there.
   */
  interrupt(unique: number): void {
    const pending = this.#pending.get(unique);
    if (!pending) return; // answered meanwhile
    pending.interrupted = true;
    this.#answerIfKilled(pending);
  }

  /** Answers what is overdue, and what was interrupted by a signal that turned out deadly. Runs every second. */
  sweep(): void {
    const oldest = this.#now() - this.#deadlineMs;
    for (const pending of this.#pending.values()) {
      if (pending.since <= oldest) {
        this.#pending.delete(pending.header.unique);
        this.#logger.warn(
          { opcode: pending.header.opcode, ino: pending.header.ino, deadlineMs: this.#deadlineMs },
          'operation has no answer by its deadline: answered with ETIMEDOUT',
        );
        this.replyError(pending.header, 'ETIMEDOUT');
      } else if (pending.interrupted) this.#answerIfKilled(pending);
    }
  }

  /** Requests waiting for an answer. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** After this nothing is answered; what comes is given back. */
  end(): void {
    clearInterval(this.#sweeper);
    this.#pending.clear();
  }

  #finish<T>(
    header: RequestHeader,
    answer: T,
    reply: (answer: T) => boolean,
    after: ((answer: T, delivered: boolean) => void) | undefined,
  ): void {
    let delivered = false;
    try {
      delivered = reply(answer);
    } catch (thrown) {
      this.#fail(header, thrown);
    }
    after?.(answer, delivered);
  }

  #fail(header: RequestHeader, thrown: unknown): void {
    this.#logger.debug({ opcode: header.opcode, ino: header.ino, error: String(thrown) }, 'operation failed');
    this.replyThrown(header, thrown);
  }

  #replyErrno(header: RequestHeader, error: number): boolean {
    encodeOutHeader(OUT_HEADER_BYTES, error, header.unique, this.#header);
    return this.#device.write(this.#header, OUT_HEADER_BYTES);
  }

  #answerIfKilled(pending: Pending): void {
    if (!this.#isKilled(pending.header.pid)) return;
    if (this.#take(pending)) this.replyError(pending.header, 'EINTR');
  }

  /** Whether it was still waiting; from now on it is not. A unique may be another request's after an answer. */
  #take(pending: Pending): boolean {
    if (this.#pending.get(pending.header.unique) !== pending) return false;
    return this.#pending.delete(pending.header.unique);
  }
}

function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | null)?.then === 'function';
}

const SIGKILL_BIT = 1n << 8n;

/** The kernel marks every thread of a process that dies of any signal with a pending SIGKILL. */
function hasPendingKill(pid: number): boolean {
  if (pid === 0) return false;
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const masks = status.match(/^(?:SigPnd|ShdPnd):\s*([0-9a-f]+)$/gm) ?? [];
    return masks.some((line) => (BigInt(`0x${line.split(/\s+/)[1]}`) & SIGKILL_BIT) !== 0n);
  } catch {
    return true; // gone already
  }
}
