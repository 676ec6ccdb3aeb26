import { KiB, MiB, READ_AHEAD, READ_WHOLE_BLOCK, type Source } from '@tidecache/protocol';
import { t } from 'tap';
import type { FakeExchange } from '../support/fake-exchange.js';
import { originError } from '../support/fake-origin.js';
import { bytesOf, fixture, sourceOf } from '../support/fixture.js';
import { seeded } from '../support/random.js';

interface Open {
  readonly exchange: FakeExchange;
  readonly source: Source;
  readonly from: number;
  readonly length: number;
}

/**
 * Readers of more than fits, whose replies wait for long, over an origin that is slow, fails and is given up: no byte
 * changes under a reply, the budget holds, and in the end all memory is back.
 */
t.test('bytes never change under a sender, whatever is evicted meanwhile', async (t) => {
  const random = seeded();
  const { ask, fake, store, reads, counters, drain } = fixture({ limits: { runningFills: 6 } });
  const sizes = [
    1,
    4095,
    4096,
    23_000,
    200 * KiB,
    256 * KiB,
    300_000,
    1.5 * MiB,
    4 * MiB,
    7 * MiB,
    9 * MiB + 77,
  ];
  const sources = Array.from({ length: 60 }, (_, i) => sourceOf(`f${i}`, sizes[i % sizes.length]!));
  let open: Open[] = [];
  let served = 0;
  let failed = 0;

  const finish = ({ exchange, source, from, length }: Open) => {
    exchange.send();
    if (exchange.error || exchange.abandoned) failed++;
    else served++;
    const expected = bytesOf(source, from, exchange.error ? exchange.bytes.length : length);
    if (!exchange.abandoned && !exchange.bytes.equals(expected)) throw new Error(`${source.key} at ${from}`);
  };

  for (let step = 0; step < 4_000; step++) {
    const source = sources[Math.floor(random.next() ** 2 * sources.length)]!;
    const blocks = Math.ceil(source.size / source.blockBytes);
    const block = random.below(blocks);
    const blockBytes = Math.min(source.blockBytes, source.size - block * source.blockBytes);
    const offset = random.below(blockBytes);
    const length = 1 + random.below(Math.min(blockBytes - offset, random.chance(0.3) ? 2 * MiB : 10_000));
    const flags = (random.chance(0.4) ? READ_WHOLE_BLOCK : 0) | (random.chance(0.2) ? READ_AHEAD : 0);
    const exchange = ask(source, { block, offset, length, flags, hold: true });
    open.push({ exchange, source, from: block * source.blockBytes + offset, length });

    for (const read of fake.pending) {
      if (read.aborted) await read.fail(originError('CANCELLED'));
      else if (random.chance(0.02)) await read.fail(originError(random.chance(0.5) ? 'STALE' : 'TIMEOUT'));
      else if (random.chance(0.3)) await read.finish();
      else if (random.chance(0.5)) read.arrive(random.below(read.call.length - read.done));
    }
    const stay: Open[] = [];
    for (const one of open) {
      if (one.exchange.ended && random.chance(0.2)) finish(one);
      else if (!one.exchange.ended && random.chance(0.02)) one.exchange.abandon();
      else stay.push(one);
    }
    open = stay;
    if (store.pool.usedBytes > store.pool.capacityBytes) t.fail('over the budget');
    if (step % 200 === 0) store.pool.check();
  }

  await drain();
  for (const one of open) finish(one);
  t.equal(await drain(), 0, 'all memory is back');
  t.equal(reads.waiting, 0);
  t.equal(reads.replies.sendingBytes, 0);
  t.equal(reads.filler.queue.bytes, 0);
  t.ok(store.evictions > 50, `${store.evictions} evictions`);
  t.ok(served > 1_000, `${served} served, ${failed} failed, ${counters.hits} hits, ${counters.busy} busy`);
});
