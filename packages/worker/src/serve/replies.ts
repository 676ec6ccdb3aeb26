/** Sends ranges of blocks from where they are, without a copy: a block is pinned until its bytes are sent. */
import {
  crc32Combine,
  EMPTY_BODY,
  encodeMapped,
  HOT_REPLY,
  type MappedRange,
  PAGE_BYTES,
} from '@tidecache/protocol';
import type { Exchange } from '@tidecache/transport';
import { type Block, type Extent, pageAt } from '../block.js';
import type { Counters } from '../counters.js';
import { MIN_TURN_BYTES } from '../limits.js';
import type { Heat } from '../spread/heat.js';
import type { BlockStore } from '../store.js';
import { Turns } from './turns.js';

export class Replies {
  /** Bytes handed to the transport that it has not sent yet. */
  sendingBytes = 0;
  /** Replies that they belong to. */
  sending = 0;
  readonly turns = new Turns();
  readonly #store: BlockStore;
  readonly #counters: Counters;
  readonly #heat: Heat;

  constructor(store: BlockStore, counters: Counters, heat: Heat) {
    this.#store = store;
    this.#counters = counters;
    this.#heat = heat;
  }

  /** Tells where in shared memory the bytes of a block from `from` to `to` are, all present, and leased already. */
  point(exchange: Exchange, block: Block, from: number, to: number): void {
    const ranges: MappedRange[] = [];
    for (let at = from; at < to; ) {
      const extent = extentAt(block, at);
      const start = extent.firstPage * PAGE_BYTES;
      const end = Math.min(to, start + extent.bytes);
      ranges.push(this.#store.pool.rangeOf(extent.unit, at - start, end - start));
      at = end;
    }
    this.#counters.servedBytes += to - from;
    exchange.reply(encodeMapped(ranges));
  }

  /**
   * One frame: the bytes of a block from `from` to `to`, all present. Throws CORRUPT when memory changed. `isCopy`: for
   * a replica.
   */
  send(exchange: Exchange, block: Block, from: number, to: number, more: boolean, isCopy: boolean): void {
    const parts: Buffer[] = [];
    let crc = 0;
    for (let at = from; at < to; ) {
      const extent = extentAt(block, at);
      const start = extent.firstPage * PAGE_BYTES;
      const end = Math.min(to, start + extent.bytes);
      const part = this.#store.checksums.of(extent, at - start, end - start);
      crc = parts.length === 0 ? part : crc32Combine(crc, part, end - at);
      parts.push(this.#store.pool.view(extent.unit, at - start, end - start));
      at = end;
    }
    const bytes = to - from;
    this.#store.pin(block);
    block.sending++;
    this.sending++;
    this.sendingBytes += bytes;
    this.#counters.servedBytes += bytes;
    const onSent = () => {
      this.sending--;
      this.sendingBytes -= bytes;
      block.sending--;
      this.#store.unpin(block);
    };
    const body = !more && this.#heat.isHot(block) ? HOT_REPLY : EMPTY_BODY;
    const payload = { parts, crc, onSent };
    if (more || bytes < MIN_TURN_BYTES) exchange.reply(body, payload, { more });
    else this.turns.reply(exchange, body, payload, isCopy);
  }
}

function extentAt(block: Block, offset: number): Extent {
  const extent = block.extents[pageAt(offset)];
  if (!extent) throw new Error(`page ${pageAt(offset)} is not there`);
  return extent;
}
