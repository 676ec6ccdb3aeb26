/**
 * One READ that waits for bytes. It passes pages on in order as they arrive, and the rest of its range as soon as
 * that is complete; or, where the client maps this memory and is in no hurry, it tells where all of them lie at the
 * end. It holds a pin: what it waits for, and what is there already, stays.
 */
import { asTidecacheError, EMPTY_BODY, PAGE_BYTES, type TidecacheError } from '@tidecache/protocol';
import type { Exchange } from '@tidecache/transport';
import type { Block, Waiter } from '../block.js';
import type { Replies } from './replies.js';

export class Reader implements Waiter {
  /** The first byte not passed on yet. */
  at: number;
  readonly to: number;
  readonly block: Block;
  readonly blockIndex: number;
  readonly readAhead: boolean;
  readonly #isCopy: boolean;
  readonly #exchange: Exchange;
  readonly #replies: Replies;
  readonly #lend: (() => boolean) | undefined;
  /** Called once, however it ends. */
  readonly #onEnd: (reader: Reader, error?: TidecacheError) => void;
  #ended = false;
  /** Nothing has been sent since the last time that it was looked at. */
  #silent = false;

  constructor(init: {
    exchange: Exchange;
    block: Block;
    blockIndex: number;
    from: number;
    to: number;
    readAhead: boolean;
    isCopy: boolean;
    replies: Replies;
    /** Answers, when all is there, without sending it. False when it can't: then it is sent. */
    lend: (() => boolean) | undefined;
    onEnd: (reader: Reader, error?: TidecacheError) => void;
  }) {
    this.#exchange = init.exchange;
    this.block = init.block;
    this.blockIndex = init.blockIndex;
    this.at = init.from;
    this.to = init.to;
    this.readAhead = init.readAhead;
    this.#isCopy = init.isCopy;
    this.#replies = init.replies;
    this.#lend = init.lend;
    this.#onEnd = init.onEnd;
  }

  advance(): void {
    if (this.#ended) return;
    const present = this.block.presentEnd(this.at, this.to);
    if (this.#lend) {
      if (present < this.to) return;
      if (this.#lend()) {
        this.at = this.to;
        this.#end();
        return;
      }
    }
    const end = present === this.to ? present : present - (present % PAGE_BYTES);
    if (end <= this.at) return;
    const from = this.at;
    this.at = end;
    this.#silent = false;
    try {
      this.#replies.send(this.#exchange, this.block, from, end, end < this.to, this.#isCopy);
    } catch (thrown) {
      this.fail(asTidecacheError(thrown));
      return;
    }
    if (end === this.to) this.#end();
  }

  /** Ends the reply; what was passed on before is good. */
  fail(error: TidecacheError): void {
    if (this.#ended) return;
    this.#exchange.fail(error);
    this.#end(error);
  }

  /**
   * Tells a client that has heard nothing for a while that its answer is still being worked on. Without it, a client
   * would take a slow origin for a dead worker and ask others, which ask the same origin for the same bytes.
   */
  signOfLife(): void {
    if (this.#silent && !this.#ended) this.#exchange.reply(EMPTY_BODY, undefined, { more: true });
    this.#silent = true;
  }

  /** Nobody waits for the reply any more. */
  abandon(): void {
    this.#end();
  }

  #end(error?: TidecacheError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd(this, error);
  }
}
