/** What a {@link Peer} promises, whatever is behind it. */
import { EMPTY_BODY, TidecacheError } from '@tidecache/protocol';
import type { Test } from 'tap';
import type { Address, Exchange, Peer } from '../../src/api.js';
import type { PeerLimits } from '../../src/limits.js';
import { deferred, startServer, turns } from './pair.js';
import { pattern } from './pattern.js';
import { seeded } from './random.js';

const READ = 0x30;
const LONG_MS = 60_000;

export type Dial = (t: Test, address: Address, init?: { limits?: Partial<PeerLimits> }) => Peer;

export function peerCompliance(t: Test, dial: Dial): void {
  t.test('replies come in any order and find their requests', async (t) => {
    const waiting: Exchange[] = [];
    const all = deferred();
    const { address } = await startServer(t, (exchange) => {
      waiting.push(exchange);
      if (waiting.length === 100) all.resolve();
    });
    const peer = dial(t, address);
    const replies = Array.from({ length: 100 }, (_, i) =>
      peer.request(READ, Buffer.from(`ask ${i}`), { deadlineMs: LONG_MS }),
    );
    await all.promise;
    const random = seeded(7);
    for (const exchange of waiting.sort(() => random() - 0.5)) {
      exchange.reply(Buffer.from(`re: ${exchange.body}`));
    }
    const texts = (await Promise.all(replies)).map(({ body }) => body.toString());
    t.equal(peer.connected, true);
    t.same(
      texts,
      Array.from({ length: 100 }, (_, i) => `re: ask ${i}`),
    );
  });

  t.test('payloads of every size, from and into shared memory, in one frame and in many', async (t) => {
    const source = pattern(3_000_000, true);
    let sent = 0;
    const { address } = await startServer(t, (exchange) => {
      const [bytes, frames] = [exchange.body.readUInt32LE(0), exchange.body.readUInt32LE(4)];
      for (let i = 0; i < frames; i++) {
        const from = Math.floor((bytes * i) / frames);
        const part = source.subarray(from, Math.floor((bytes * (i + 1)) / frames));
        const half = part.length >> 1;
        const parts = [part.subarray(0, half), part.subarray(half)];
        exchange.reply(EMPTY_BODY, { parts, onSent: () => sent++ }, { more: i < frames - 1 });
      }
    });
    const peer = dial(t, address);
    const sizes = [0, 1, 4095, 16_383, 16_384, 65_496, 65_536, 65_537, 1 << 20, 3_000_000];
    let asked = 0;
    for (const frames of [1, 7]) {
      const replies = sizes.map(async (bytes) => {
        const body = Buffer.alloc(8);
        body.writeUInt32LE(bytes, 0);
        body.writeUInt32LE(frames, 4);
        asked += 2 * frames;
        const into = Buffer.from(new SharedArrayBuffer(bytes + 10));
        const progress: number[] = [];
        const onProgress = (done: number) => progress.push(done);
        const options = { deadlineMs: LONG_MS, into, onProgress };
        const [direct, copied] = await Promise.all([
          peer.request(READ, body, options),
          peer.request(READ, body, { deadlineMs: LONG_MS }),
        ]);
        t.equal(direct.payloadBytes, bytes);
        t.equal(direct.payload, undefined);
        t.ok(into.subarray(0, bytes).equals(source.subarray(0, bytes)), `${bytes} bytes in ${frames} frames`);
        t.ok(into.subarray(bytes).equals(Buffer.alloc(10)), 'nothing behind them');
        t.ok(copied.payload?.equals(source.subarray(0, bytes)));
        t.equal(progress.at(-1) ?? 0, bytes);
        t.ok(progress.length <= frames);
      });
      await Promise.all(replies);
    }
    t.equal(peer.inFlightBytes, 0);
    t.equal(sent, asked, 'onSent ran once for each payload');
  });

  t.test('failures carry their code and message', async (t) => {
    const { address } = await startServer(t, (exchange) => {
      if (exchange.body.toString() === 'throw') throw new Error('a bug');
      exchange.fail(new TidecacheError('STALE', 'the object changed'));
    });
    const peer = dial(t, address);
    const ask = (text: string) => peer.request(READ, Buffer.from(text), { deadlineMs: LONG_MS });
    await t.rejects(ask('x'), { code: 'STALE', message: 'the object changed' });
    await t.rejects(ask('throw'), { code: 'INTERNAL', message: 'a bug' });
  });

  t.test('a reply longer than its buffer ends as PROTOCOL, and the next request works', async (t) => {
    const { address } = await startServer(t, (exchange) =>
      exchange.reply(EMPTY_BODY, { parts: [pattern(100_000)] }),
    );
    const peer = dial(t, address);
    const short = Buffer.alloc(99_999);
    await t.rejects(peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS, into: short }), {
      code: 'PROTOCOL',
    });
    t.ok(short.equals(Buffer.alloc(99_999)), 'untouched');
    const into = Buffer.alloc(100_000);
    await peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS, into });
    t.ok(into.equals(pattern(100_000)));
  });

  t.test('a cancelled request tells the server, and late bytes do not reach its buffer', async (t) => {
    const abandoned = deferred();
    const late = deferred<Exchange>();
    const { address } = await startServer(t, (exchange) => {
      if (exchange.body.toString() === 'late') {
        exchange.onAbandoned(() => abandoned.resolve());
        late.resolve(exchange);
      } else exchange.reply(EMPTY_BODY);
    });
    const peer = dial(t, address);
    const controller = new AbortController();
    const into = Buffer.alloc(1 << 20);
    const request = peer.request(READ, Buffer.from('late'), {
      deadlineMs: LONG_MS,
      into,
      signal: controller.signal,
    });
    const exchange = await late.promise;
    controller.abort();
    await t.rejects(request, { code: 'CANCELLED' });
    await abandoned.promise;
    t.equal(exchange.abandoned, true);
    let sent = 0;
    exchange.reply(EMPTY_BODY, { parts: [pattern(1 << 20)], onSent: () => sent++ });
    t.equal(sent, 1, 'its memory is free at once');
    await peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS });
    t.ok(into.equals(Buffer.alloc(1 << 20)));
    await t.rejects(peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS, signal: controller.signal }), {
      code: 'CANCELLED',
    });
  });

  t.test('cancelled at random moments of a long reply: settled buffers stay as they are', async (t) => {
    const seed = Date.now() >>> 0;
    t.comment(`seed ${seed}`);
    const random = seeded(seed);
    const source = pattern(1 << 20);
    const { address } = await startServer(t, (exchange) => {
      for (let i = 0; i < 4; i++) exchange.reply(EMPTY_BODY, { parts: [source] }, { more: i < 3 });
    });
    const peer = dial(t, address);
    let cancelled = 0;
    const lane = async () => {
      for (let i = 0; i < 15; i++) {
        const into = Buffer.alloc(4 << 20);
        const controller = new AbortController();
        const { signal } = controller;
        const request = peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS, into, signal });
        void turns(Math.floor(random() * 12)).then(() => controller.abort());
        const outcome = await request.then(
          () => 'whole',
          (error: TidecacheError) => error.code,
        );
        if (outcome === 'CANCELLED') {
          cancelled++;
          into.fill(0xaa);
          await turns(3);
          if (!into.equals(Buffer.alloc(4 << 20, 0xaa))) t.fail('written to after it settled');
        } else if (outcome !== 'whole' || !into.subarray(3 << 20).equals(source)) {
          t.fail(`ended as ${outcome}`);
        }
      }
    };
    await Promise.all(Array.from({ length: 4 }, lane));
    t.ok(cancelled > 0, `${cancelled} of 60 were cancelled`);
    t.equal(peer.inFlightBytes, 0);
  });

  t.test('in-flight bounds: the rest waits its turn in order, past the queue it is BUSY', async (t) => {
    const served: Exchange[] = [];
    let most = 0;
    const { address } = await startServer(t, (exchange) => {
      served.push(exchange);
      most = Math.max(most, served.length);
      const body = Buffer.from(exchange.body);
      setImmediate(() => served.shift()!.reply(body));
    });
    const peer = dial(t, address, {
      limits: { inFlightRequests: 4, inFlightBytes: 1000, waitingRequests: 20 },
    });
    const order: number[] = [];
    const ask = (i: number, bytes: number) =>
      peer
        .request(READ, Buffer.of(i), { deadlineMs: LONG_MS, into: new Uint8Array(bytes) })
        .then(({ body }) => order.push(body[0]!));
    const all = Array.from({ length: 20 }, (_, i) => ask(i, i % 5 === 4 ? 5000 : 400));
    await t.rejects(ask(99, 1), { code: 'BUSY' });
    await Promise.all(all);
    t.same(
      order,
      Array.from({ length: 20 }, (_, i) => i),
    );
    t.ok(most <= 2, `at most ${most} at once: 400-byte requests by the bytes, longer ones alone`);
    t.equal(peer.inFlightBytes, 0);
  });

  t.test('10 000 pipelined requests', async (t) => {
    const { address } = await startServer(t, (exchange) => exchange.reply(Buffer.from(exchange.body)));
    const peer = dial(t, address);
    const replies = await Promise.all(
      Array.from({ length: 10_000 }, (_, i) =>
        peer.request(READ, Buffer.from(`${i}`), { deadlineMs: LONG_MS }),
      ),
    );
    t.ok(replies.every(({ body }, i) => body.toString() === `${i}`));
  });

  t.test('close settles everything, and a closed peer says so', async (t) => {
    const { address } = await startServer(t, () => {});
    const peer = dial(t, address);
    const request = t.rejects(peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS }), { code: 'CANCELLED' });
    await turns();
    await peer.close();
    await request;
    await t.rejects(peer.request(READ, EMPTY_BODY, { deadlineMs: LONG_MS }), { code: 'CANCELLED' });
  });
}
