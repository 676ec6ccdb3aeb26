/**
 * READ: from memory in one frame, or as the bytes arrive from the origin. Everything is decided before the handler
 * returns: an answer, a place among the waiters, or a refusal.
 */
import {
  asTidecacheError,
  type DecodedRead,
  decodeRead,
  decodeRelease,
  decodeSource,
  encodeBody,
  HOT_REPLY,
  MIN_MAPPED_BYTES,
  OPCODES,
  READ_AHEAD,
  READ_COPY,
  READ_REFERABLE,
  READ_SPREAD,
  READ_WHOLE_BLOCK,
  type ReadRequest,
  type SharedMemory,
  type Source,
  TidecacheError,
} from '@tidecache/protocol';
import type { Exchange, ServerConnection } from '@tidecache/transport';
import { Block, blockKey, blockLength, pageAt, pagesIn, type Waiter } from '../block.js';
import type { Counters } from '../counters.js';
import type { Fill } from '../fill/fill.js';
import { Filler } from '../fill/filler.js';
import { COPY_AHEAD_GROUPS, DIAL_AHEAD_GROUPS, type Limits, TURNS } from '../limits.js';
import type { Logger } from '../logger.js';
import type { Origins } from '../origins.js';
import { Heat } from '../spread/heat.js';
import type { Neighbours } from '../spread/neighbours.js';
import type { BlockStore } from '../store.js';
import { Leases } from './leases.js';
import { Lender } from './lender.js';
import { Reader } from './reader.js';
import { Replies } from './replies.js';

export class ReadHandler {
  readonly filler: Filler;
  readonly replies: Replies;
  readonly leases: Leases;
  readonly #lender: Lender;
  readonly #store: BlockStore;
  readonly #origins: Origins;
  readonly #neighbours: Neighbours;
  readonly #heat: Heat;
  readonly #counters: Counters;
  readonly #limits: Limits;
  readonly #logger: Logger;
  readonly #shared: SharedMemory | undefined;
  /** Requests that wait for an origin. */
  readonly #readers = new Set<Reader>();

  constructor(init: {
    store: BlockStore;
    origins: Origins;
    neighbours: Neighbours;
    counters: Counters;
    limits: Limits;
    logger: Logger;
    /** Where clients on this host can map the store's memory. */
    shared?: SharedMemory | undefined;
    /** Milliseconds of a clock that never goes back. */
    now: () => number;
  }) {
    this.#shared = init.shared;
    this.#store = init.store;
    this.#origins = init.origins;
    this.#neighbours = init.neighbours;
    this.#heat = new Heat(init.now);
    this.#counters = init.counters;
    this.#limits = init.limits;
    this.#logger = init.logger;
    this.replies = new Replies(init.store, init.counters, this.#heat);
    this.leases = new Leases(init.store);
    this.#lender = new Lender(init.store, this.leases, init.counters);
    this.filler = new Filler({ ...init, events: { onLost: (...args) => this.#onLost(...args) } });
  }

  /** Requests that wait for an origin. */
  get waiting(): number {
    return this.#readers.size;
  }

  /** Every now and then: who waits hears that this worker lives. */
  signOfLife(): void {
    for (const reader of this.#readers) reader.signOfLife();
    this.replies.turns.look();
  }

  handle(exchange: Exchange): void {
    try {
      if (exchange.opcode === OPCODES.READ.wire) this.#read(exchange, decodeRead(exchange.body));
      else if (exchange.opcode === OPCODES.LEND.wire) this.#lender.answer(exchange);
      else if (exchange.opcode === OPCODES.MAP.wire) this.#map(exchange);
      else throw new TidecacheError('UNSUPPORTED', `a worker has no operation ${exchange.opcode}`);
    } catch (thrown) {
      const error = asTidecacheError(thrown);
      this.#failed(error);
      exchange.fail(error);
    }
  }

  /** A message without a reply. */
  told(connection: ServerConnection, opcode: number, body: Buffer): void {
    if (opcode !== OPCODES.RELEASE.wire) {
      throw new TidecacheError('PROTOCOL', `${connection.remote}: a worker is not told ${opcode}`);
    }
    this.leases.release(connection, decodeRelease(body));
  }

  #map(exchange: Exchange): void {
    if (!this.#shared) throw new TidecacheError('UNSUPPORTED', 'this worker shares no memory');
    this.leases.admit(exchange.connection);
    exchange.reply(encodeBody(this.#shared));
  }

  #read(exchange: Exchange, request: DecodedRead): void {
    const { blockName: key, offset, length, flags } = request;
    const end = offset + length;
    const known = this.#store.get(key);
    const whole = (flags & READ_WHOLE_BLOCK) !== 0;
    if (known) {
      assertWithin(end, known.bytes);
      if ((flags & READ_REFERABLE) !== 0 && this.#isCrowded(known) && !isLendable(request)) {
        if (whole && offset === 0) this.#heat.note(known, exchange.connection.remote);
        if (this.#heat.isHot(known)) {
          exchange.reply(HOT_REPLY);
          return;
        }
      }
      if (known.presentEnd(offset, end) === end) {
        if (whole && offset === 0) this.#begun(exchange, known, request);
        this.#answer(exchange, known, request, !whole);
        return;
      }
    }
    const readAhead = (flags & READ_AHEAD) !== 0;
    this.#assertRoom(length, readAhead);
    this.#counters.misses++;
    const block = this.#fill(request, key, known, whole, readAhead);
    this.#wait(exchange, block, request, readAhead);
    this.#store.touch(block, length, !whole);
    if (whole && offset === 0) this.#begun(exchange, block, request);
    this.filler.pump();
  }

  /** One more reader of the block would have to wait for others to be sent to. */
  #isCrowded(block: Block): boolean {
    return this.replies.turns.waiting + (block.waiters?.size ?? 0) >= TURNS;
  }

  /** Somebody begins to read a block through. */
  #begun({ connection }: Exchange, block: Block, request: ReadRequest): void {
    this.#heat.note(block, connection.remote);
    if ((request.flags & READ_SPREAD) !== 0 && this.#heat.isTimeToCopyAhead(block)) this.#copyAhead(request);
  }

  /**
   * The file is hot, so this worker's next shares of it will be asked for soon, by everybody at once: has them copied
   * before. A copy that begins when they ask shares its owner's link with all of them.
   */
  #copyAhead(request: ReadRequest): void {
    const { fileId, blockIndex } = request;
    try {
      const { size, blockBytes } = decodeSource(request.source, fileId);
      const blocks = Math.ceil(size / blockBytes);
      for (const share of this.#neighbours.sharesAfter(fileId, blocks, blockIndex, COPY_AHEAD_GROUPS)) {
        const key = blockKey(fileId, share);
        const first = { ...request, blockIndex: share, offset: 0, length: 1 };
        this.#fill(first, key, this.#store.get(key), true, true);
      }
      this.filler.pump();
      this.#neighbours.dialAhead(fileId, blocks, blockIndex, DIAL_AHEAD_GROUPS);
    } catch (thrown) {
      // BUSY: who asks for them later has them copied then.
      this.#logger.debug({ err: thrown }, 'a hot file is not copied ahead');
    }
  }

  #assertRoom(bytes: number, readAhead: boolean): void {
    const { exchanges, sendingBytes, readAheadShare } = this.#limits;
    const open = this.#readers.size + this.replies.sending;
    if (open >= exchanges * (readAhead ? readAheadShare : 1)) {
      throw new TidecacheError('BUSY', `the worker has ${open} requests open already`);
    }
    if (this.replies.sendingBytes + bytes > sendingBytes) {
      throw new TidecacheError('BUSY', `the worker has ${this.replies.sendingBytes} bytes to send already`);
    }
  }

  #answer(exchange: Exchange, block: Block, request: ReadRequest, isRandom: boolean): void {
    const { offset, length } = request;
    this.#assertRoom(length, false);
    this.#counters.hits++;
    this.#store.touch(block, length, isRandom);
    if (isLendable(request) && this.#lend(exchange, block, request)) return;
    try {
      this.replies.send(exchange, block, offset, offset + length, false, isCopy(request));
    } catch (thrown) {
      const error = asTidecacheError(thrown);
      if (error.code === 'CORRUPT') this.quarantine(block);
      throw error;
    }
  }

  /** Answers with where the bytes are, all present. False when the client may look at no more. */
  #lend(exchange: Exchange, block: Block, { offset, length, lease }: Lending): boolean {
    if (!this.leases.grant(exchange.connection, lease, block, length)) return false;
    this.replies.point(exchange, block, offset, offset + length);
    return true;
  }

  /** Sees to it that all pages asked for are there or on their way, and with `whole` the others too. */
  #fill(
    request: ReadRequest,
    key: string,
    known: Block | undefined,
    whole: boolean,
    readAhead: boolean,
  ): Block {
    const { fileId, blockIndex, offset, length, flags } = request;
    const touched = { from: pageAt(offset), to: pagesIn(offset + length) };
    const missing = known?.absentRuns(touched.from, touched.to);
    const rest = whole ? known?.absentRuns(0, known.extents.length) : [];
    if (known && missing?.length === 0 && rest?.length === 0) return known;

    const source = decodeSource(request.source, fileId);
    this.#origins.assertKnown(source.datasetId);
    const block = known ?? new Block(key, this.#lengthOf(source, blockIndex, offset + length));
    const isReplica = whole && (flags & READ_SPREAD) !== 0;
    const owner = isReplica ? this.#neighbours.ownerOf(fileId, blockIndex) : undefined;
    if (!known) block.replica = owner !== undefined;
    // A block that can't be filled whole within the limits, ever, is filled as for a random reader.
    const fillWhole = whole && block.bytes <= this.#limits.fillingBytes * this.#limits.readAheadShare;
    const runs = fillWhole
      ? block.absentRuns(0, block.extents.length)
      : block.absentRuns(touched.from, touched.to);
    if (runs.length === 0) return block;
    this.#store.pin(block);
    try {
      this.filler.admit(block, blockIndex, source, runs, readAhead, owner);
      if (!known) this.#store.add(block);
    } catch (error) {
      // Who has all that it needs on its way does not fail for want of room for the rest.
      if (missing?.length !== 0) throw error;
    } finally {
      this.#store.unpin(block);
    }
    return block;
  }

  #lengthOf(source: Source, blockIndex: number, end: number): number {
    const bytes = blockLength(source.size, source.blockBytes, blockIndex);
    assertWithin(end, bytes);
    return bytes;
  }

  #wait(exchange: Exchange, block: Block, request: ReadRequest, readAhead: boolean): void {
    const { blockIndex, offset, length, lease } = request;
    // Who waits gets the first pages while the others arrive.
    const lends = readAhead && isLendable(request);
    const reader = new Reader({
      exchange,
      block,
      blockIndex,
      from: offset,
      to: offset + length,
      readAhead,
      isCopy: isCopy(request),
      replies: this.replies,
      lend: lends ? () => this.#lend(exchange, block, { offset, length, lease }) : undefined,
      onEnd: (reader, error) => this.#onReaderEnd(reader, error),
    });
    this.#readers.add(reader);
    this.#store.pin(block);
    block.waiters ??= new Set();
    block.waiters.add(reader);
    for (const fill of this.filler.fillsOf(block)) {
      if (!readAhead && fill.overlaps(reader.at, reader.to)) this.filler.queue.promote(fill);
    }
    exchange.onAbandoned(() => {
      reader.abandon();
      this.#cancelUnwanted(block);
    });
    reader.advance();
  }

  #onReaderEnd(reader: Reader, error?: TidecacheError): void {
    const { block } = reader;
    this.#readers.delete(reader);
    block.waiters?.delete(reader);
    if (block.waiters?.size === 0) block.waiters = undefined;
    this.#store.unpin(block);
    if (!error) return;
    if (error.code === 'CORRUPT') this.quarantine(block);
    this.#failed(error);
  }

  /** Gives up the fills that nobody waits for, got bytes of, or would soon have whole. */
  #cancelUnwanted(block: Block): void {
    for (const fill of this.filler.fillsOf(block)) {
      const isMostlyThere = fill.extent.arrivedBytes * 2 >= fill.bytes;
      if (fill.served || isMostlyThere) continue;
      const waiters = [...(block.waiters ?? [])];
      if (!waiters.some(({ at, to }) => fill.overlaps(at, to))) this.filler.cancel(fill);
    }
  }

  #onLost(fill: Fill, from: number, error: TidecacheError): void {
    const { block } = fill;
    const isStale = error.code === 'STALE';
    for (const waiter of block.waiters ?? []) {
      if (isStale) waiter.fail(error);
      else if (waiter.at < fill.to && waiter.to > from) this.#refillOrFail(fill, waiter, error);
    }
    // No other page of this version can be had either.
    if (isStale) for (const other of this.filler.fillsOf(block)) this.filler.cancel(other);
  }

  /** Who joined a fill that had been given up, before the origin let go of it, gets a new one. */
  #refillOrFail({ block, blockIndex, source, owner }: Fill, waiter: Waiter, error: TidecacheError): void {
    if (error.code !== 'CANCELLED' || block.gone) {
      waiter.fail(error);
      return;
    }
    try {
      const runs = block.absentRuns(pageAt(waiter.at), pagesIn(waiter.to));
      if (runs.length > 0) this.filler.admit(block, blockIndex, source, runs, waiter.readAhead, owner);
    } catch (thrown) {
      waiter.fail(asTidecacheError(thrown));
    }
  }

  /** A block whose memory changed is not served again: the next reader has it fetched anew. */
  quarantine(block: Block): void {
    this.#counters.corrupt++;
    this.#logger.error(
      { key: Buffer.from(block.key, 'latin1').toString('hex') },
      'a block changed in memory',
    );
    this.#store.drop(block);
  }

  #failed(error: TidecacheError): void {
    this.#counters.failed(error.code);
    if (error.code === 'INTERNAL') this.#logger.error({ err: error }, 'a READ failed');
    else this.#logger.debug({ err: error }, 'a READ failed');
  }
}

type Lending = Pick<ReadRequest, 'offset' | 'length' | 'lease'>;

/** The client maps this memory, and what it asks for is worth a lease. */
const isLendable = ({ lease, length }: Lending): boolean => lease !== 0 && length >= MIN_MAPPED_BYTES;

const isCopy = ({ flags }: ReadRequest): boolean => (flags & READ_COPY) !== 0;

function assertWithin(end: number, blockBytes: number): void {
  if (end > blockBytes) {
    throw new TidecacheError('INVALID', `READ up to byte ${end} of a block of ${blockBytes} bytes`);
  }
}
