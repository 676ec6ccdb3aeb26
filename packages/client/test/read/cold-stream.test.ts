/**
 * A cold file read in order, by the clock of a model: blocks come from an origin that answers after 20 ms with 50 MB/s
 * on a connection, one GET a block; the reader takes 0.3 ms a MiB. Read-ahead and pace must keep as many GETs under way
 * as they ever have, nearly all the time.
 */
import { DEFAULT_BLOCK_BYTES, MiB } from '@tidecache/protocol';
import { t } from 'tap';
import { MAX_WINDOW_BYTES, SEGMENT_BYTES } from '../../src/limits.js';
import { type Departure, Pace } from '../../src/read/pace.js';
import { ReadAhead } from '../../src/read/read-ahead.js';

const FIRST_BYTE_MS = 20;
const SEGMENT_MS = SEGMENT_BYTES / 50_000;
const READER_MS = 0.3;
const PER_BLOCK = DEFAULT_BLOCK_BYTES / SEGMENT_BYTES;
const BLOCK_MS = FIRST_BYTE_MS + SEGMENT_MS * PER_BLOCK;

class Model {
  readonly #readAhead: ReadAhead;
  readonly #pace = new Pace();
  readonly #segments: number;
  /** When each block was first asked for, and each segment is there. */
  readonly #askedAt = new Map<number, number>();
  readonly #thereAt = new Map<number, number>();
  #arriving: { readonly at: number; readonly departure: Departure }[] = [];
  now = 0;
  /** GETs under way at once, at most. */
  atOnce = 0;

  constructor(fileBytes: number) {
    this.#readAhead = new ReadAhead(fileBytes);
    this.#segments = fileBytes / SEGMENT_BYTES;
  }

  run(): void {
    for (let segment = 0; segment < this.#segments; segment++) {
      this.#arrive();
      const ready = (this.#thereAt.get(segment) ?? Number.POSITIVE_INFINITY) <= this.now;
      const offset = segment * SEGMENT_BYTES;
      const { ahead } = this.#readAhead.observe(offset, SEGMENT_BYTES, ready, MAX_WINDOW_BYTES);
      this.#ask(segment);
      for (const { from, to } of ahead) this.#askAhead(from, to);
      const underWay = [...this.#askedAt.values()].filter((at) => at + BLOCK_MS > this.now).length;
      this.atOnce = Math.max(this.atOnce, underWay);
      this.now = Math.max(this.now, this.#thereAt.get(segment)!) + READER_MS;
    }
  }

  #askAhead(from: number, to: number): void {
    for (let at = from; at < to; at += SEGMENT_BYTES) {
      if (!this.#pace.roomFor(SEGMENT_BYTES)) {
        this.#readAhead.stoppedAt(at);
        return;
      }
      this.#ask(at / SEGMENT_BYTES);
    }
  }

  #ask(segment: number): void {
    if (this.#thereAt.has(segment)) return;
    const block = Math.floor(segment / PER_BLOCK);
    const askedAt = this.#askedAt.get(block) ?? this.now;
    this.#askedAt.set(block, askedAt);
    const at = Math.max(this.now, askedAt + FIRST_BYTE_MS + SEGMENT_MS * ((segment % PER_BLOCK) + 1));
    this.#thereAt.set(segment, at);
    this.#arriving.push({ at, departure: this.#pace.depart(SEGMENT_BYTES, this.now) });
  }

  #arrive(): void {
    this.#arriving.sort((a, b) => a.at - b.at);
    for (let next = this.#arriving[0]; next && next.at <= this.now; next = this.#arriving[0]) {
      this.#arriving.shift();
      this.#pace.arrive(next.departure, SEGMENT_BYTES, SEGMENT_BYTES, next.at);
    }
  }
}

t.test('a cold file of 1 GiB: 95 % of as many plain GETs at once', async (t) => {
  const model = new Model(1024 * MiB);
  model.run();
  const plainMs = Math.ceil((1024 * MiB) / DEFAULT_BLOCK_BYTES / model.atOnce) * BLOCK_MS;
  t.comment(`${model.atOnce} at once: ${Math.round(model.now)} ms, plain ${Math.round(plainMs)} ms`);
  t.ok(model.atOnce >= MAX_WINDOW_BYTES / DEFAULT_BLOCK_BYTES, 'the whole window is under way');
  t.ok(plainMs / model.now >= 0.95, `${(plainMs / model.now).toFixed(2)} of plain GETs`);
});

t.test('a cold file of 64 MiB: in the time of three GETs, the growth of the window included', async (t) => {
  const model = new Model(64 * MiB);
  model.run();
  t.ok(model.now < 3 * BLOCK_MS, `${Math.round(model.now)} ms, one GET takes ${Math.round(BLOCK_MS)}`);
});
