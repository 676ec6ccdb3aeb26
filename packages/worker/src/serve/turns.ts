/**
 * Large replies take turns on the worker's line, first come first served. When a hundred readers ask at once and all are
 * sent to at once, each gets a hundredth of the line: none has its block before the last, and as many windows of
 * TCP queue in front of one device, which then measures round trips of seconds and takes them for losses. A few at a time
 * fill the line as well, and the mean reader waits half as long. A neighbour's copy goes first: it serves a hundred more.
 *
 * A reply is sent when the kernel has taken it. How much more than that fits the kernel's own buffer is its matter
 * (`net.ipv4.tcp_notsent_lowat`): where all of it does, no one ever waits here.
 */
import { EMPTY_BODY } from '@tidecache/protocol';
import type { Exchange, ReplyPayload } from '@tidecache/transport';
import { SLOW_TURN_LOOKS, TURNS } from '../limits.js';

interface Waiting {
  readonly exchange: Exchange;
  readonly body: Uint8Array;
  readonly payload: ReplyPayload;
  looks: number;
}

interface Turn {
  looks: number;
}

export class Turns {
  readonly #held = new Set<Turn>();
  readonly #waiting: Waiting[] = [];
  readonly #copies: Waiting[] = [];
  #passing = false;

  /** Replies that wait for their turn. */
  get waiting(): number {
    return this.#waiting.length + this.#copies.length;
  }

  /** The last frame of a reply, now or when it's its turn. `payload.onSent` runs once, also when nobody waits any more. */
  reply(exchange: Exchange, body: Uint8Array, payload: ReplyPayload, isCopy = false): void {
    const reply = { exchange, body, payload, looks: 0 };
    if (this.#held.size < TURNS) this.#send(reply);
    else {
      (isCopy ? this.#copies : this.#waiting).push(reply);
      // Its place in the queue stays, its memory does not.
      exchange.onAbandoned(() => payload.onSent?.());
    }
  }

  /**
   * Every now and then: a reader that does not take its bytes loses its turn, though not its reply, and who waits hears
   * that this worker lives.
   */
  look(): void {
    for (const turn of [...this.#held]) if (++turn.looks > SLOW_TURN_LOOKS) this.#pass(turn);
    for (const reply of [...this.#copies, ...this.#waiting]) {
      if (reply.looks++ === 0 || reply.exchange.abandoned) continue;
      reply.exchange.reply(EMPTY_BODY, undefined, { more: true });
    }
  }

  #send({ exchange, body, payload }: Waiting): void {
    const turn: Turn = { looks: 0 };
    this.#held.add(turn);
    const onSent = () => {
      payload.onSent?.();
      this.#pass(turn);
    };
    exchange.reply(body, { ...payload, onSent });
  }

  #pass(turn: Turn): void {
    // Who is sent at once passes its turn on within that call: the loop that sent it goes on, not one inside it.
    if (!this.#held.delete(turn) || this.#passing) return;
    this.#passing = true;
    try {
      while (this.#held.size < TURNS) {
        const next = this.#copies.shift() ?? this.#waiting.shift();
        if (!next) break;
        if (!next.exchange.abandoned) this.#send(next);
      }
    } finally {
      this.#passing = false;
    }
  }
}
