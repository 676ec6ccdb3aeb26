import { KiB, MiB, OPCODES, PAGE_BYTES, READ_WHOLE_BLOCK } from '@tidecache/protocol';
import { t } from 'tap';
import { FakeExchange } from '../support/fake-exchange.js';
import { originError, settle } from '../support/fake-origin.js';
import { bytesOf, fixture, readBody, sourceOf } from '../support/fixture.js';

const WHOLE = READ_WHOLE_BLOCK;

t.test('a miss is filled, a hit is one frame from memory', async (t) => {
  const { ask, fake, counters, store, drain } = fixture();
  const source = sourceOf('a', 10 * MiB);
  const first = ask(source, { block: 1, offset: 100, length: 5000 });
  t.strictSame(fake.ranges, [[4 * MiB, PAGE_BYTES]], 'only the page that is touched');
  await fake.reads[0]!.finish();
  t.strictSame(first.bytes, bytesOf(source, 4 * MiB + 100, 5000));

  const hit = ask(source, { block: 1, offset: 0, length: PAGE_BYTES, hold: true });
  t.equal(fake.reads.length, 1);
  t.equal(hit.frames.length, 1);
  t.equal(hit.frames[0]?.payload.parts.length, 1, 'one view, no copy');
  hit.send();
  t.strictSame(hit.bytes, bytesOf(source, 4 * MiB, PAGE_BYTES));
  t.match(counters, { hits: 1, misses: 1, servedBytes: 5000 + PAGE_BYTES });
  t.equal(store.pool.usedBytes, PAGE_BYTES);
  t.equal(await drain(), 0);
});

t.test('a cold block is one ranged read of the whole block', async (t) => {
  const { ask, fake, drain } = fixture({ auto: true });
  const source = sourceOf('a', 9 * MiB + 1234);
  ask(source, { offset: 0, length: MiB, flags: WHOLE });
  ask(source, { block: 2, offset: 5, length: 10, flags: WHOLE });
  t.strictSame(fake.ranges, [
    [0, 4 * MiB],
    [8 * MiB, MiB + 1234],
  ]);
  await settle();
  const tail = ask(source, { block: 2, offset: MiB, length: 1234 });
  t.strictSame(tail.bytes, bytesOf(source, 9 * MiB, 1234), 'the short end');
  t.equal(fake.reads.length, 2);
  t.equal(await drain(), 0);
});

t.test('a block larger than an extent is read in extents', async (t) => {
  const { ask, fake, drain } = fixture({ memoryBytes: 128 * MiB });
  const source = sourceOf('a', 32 * MiB, { blockBytes: 16 * MiB });
  ask(source, { block: 1, offset: 0, length: MiB, flags: WHOLE });
  t.strictSame(
    fake.ranges,
    [16, 20, 24, 28].map((at) => [at * MiB, 4 * MiB]),
  );
  t.equal(await drain(), 0);
});

t.test('a block that never fits the fills is filled as for a random reader', async (t) => {
  const { ask, fake, drain } = fixture({ memoryBytes: 64 * MiB });
  const source = sourceOf('a', 64 * MiB, { blockBytes: 64 * MiB });
  const exchange = ask(source, { offset: MiB, length: MiB, flags: WHOLE });
  t.equal(exchange.error, undefined);
  t.strictSame(fake.ranges, [[MiB, MiB]]);
  t.equal(await drain(), 0);
});

t.test('small files take what they need', async (t) => {
  const { ask, fake, store, drain } = fixture({ auto: true });
  for (let i = 0; i < 100; i++) ask(sourceOf(`f${i}`, 23_000), { offset: 0, length: 23_000, flags: WHOLE });
  await settle();
  t.equal(store.pool.usedBytes, 100 * 24 * KiB);
  t.equal(fake.bytes, 100 * 23_000);
  t.equal(await drain(), 0);
});

t.test('single flight: however many read, each byte is fetched once', async (t) => {
  const { ask, fake, counters, drain } = fixture();
  const source = sourceOf('a', 4 * MiB);
  const asks = [];
  for (let i = 0; i < 64; i++) {
    const offset = (i % 16) * PAGE_BYTES + i;
    asks.push({ offset, length: 1000, flags: i % 3 === 0 ? WHOLE : 0 });
  }
  const exchanges = asks.map((request) => ask(source, request));
  t.equal(fake.bytes, 4 * MiB);
  const covered = new Uint8Array(16);
  for (const [offset, length] of fake.ranges) {
    for (let page = offset / PAGE_BYTES; page < (offset + length) / PAGE_BYTES; page++) covered[page]!++;
  }
  t.ok(
    covered.every((times) => times === 1),
    'no page twice',
  );
  for (const read of fake.reads) await read.finish();
  for (const [i, exchange] of exchanges.entries()) {
    if (!exchange.bytes.equals(bytesOf(source, asks[i]!.offset, 1000))) t.fail(`reader ${i}`);
  }
  t.equal(counters.misses, 64);
  t.equal(await drain(), 0);
});

t.test('a whole-block reader fetches only what is neither there nor on its way', async (t) => {
  const { ask, fake, drain } = fixture();
  const source = sourceOf('a', 4 * MiB);
  ask(source, { offset: 2 * PAGE_BYTES, length: 10 });
  await fake.reads[0]!.finish();
  ask(source, { offset: 8 * PAGE_BYTES, length: 10 });
  const whole = ask(source, { offset: 8 * PAGE_BYTES, length: 10, flags: WHOLE });
  t.strictSame(fake.ranges.slice(2), [
    [0, 2 * PAGE_BYTES],
    [3 * PAGE_BYTES, 5 * PAGE_BYTES],
    [9 * PAGE_BYTES, 7 * PAGE_BYTES],
  ]);
  await fake.reads[1]!.finish();
  t.ok(whole.ended, 'it waits for its own range alone');
  for (const read of fake.pending) await read.finish();
  const all = ask(source, { offset: 0, length: 4 * MiB });
  t.strictSame(all.bytes, bytesOf(source, 0, 4 * MiB), 'over all extents');
  t.equal(all.frames.length, 1);
  t.equal(await drain(), 0);
});

t.test('bytes are passed on while they arrive, page by page, in order', async (t) => {
  const { ask, fake, drain } = fixture();
  const source = sourceOf('a', 4 * MiB);
  const exchange = ask(source, { offset: 1000, length: 2 * PAGE_BYTES, flags: WHOLE });
  const read = fake.reads[0]!;
  read.arrive(PAGE_BYTES - 1);
  t.equal(exchange.frames.length, 0, 'not before a page is whole');
  read.arrive(1);
  t.equal(exchange.bytes.length, PAGE_BYTES - 1000, 'the first page, long before the last was fetched');
  t.ok(exchange.frames[0]?.more);
  read.arrive(PAGE_BYTES + 900);
  t.equal(exchange.bytes.length, 2 * PAGE_BYTES - 1000);
  t.notOk(exchange.ended);
  read.arrive(100);
  t.notOk(exchange.ended, 'the sector of its end is not checked in yet');
  read.arrive(4096);
  t.ok(exchange.ended, 'its own end, not the page');
  t.notOk(read.settled);
  t.strictSame(exchange.bytes, bytesOf(source, 1000, 2 * PAGE_BYTES));
  await read.finish();
  t.equal(await drain(), 0);
});

t.test('later pages that are there already wait for the earlier ones', async (t) => {
  const { ask, fake, drain } = fixture();
  const source = sourceOf('a', 4 * MiB);
  ask(source, { offset: PAGE_BYTES, length: 1 });
  await fake.reads[0]!.finish();
  const exchange = ask(source, { offset: 0, length: 2 * PAGE_BYTES });
  t.equal(exchange.frames.length, 0);
  await fake.reads[1]!.finish();
  t.strictSame(exchange.bytes, bytesOf(source, 0, 2 * PAGE_BYTES));
  t.equal(await drain(), 0);
});

t.test('a failure reaches all waiters with its code; whole pages stay, nothing else does', async (t) => {
  for (const code of ['ACCESS_DENIED', 'TIMEOUT', 'ORIGIN_FAILED'] as const) {
    const { ask, fake, store, drain } = fixture();
    const source = sourceOf('a', 4 * MiB);
    const early = ask(source, { offset: 0, length: 10, flags: WHOLE });
    const middle = ask(source, { offset: 0, length: MiB });
    const late = ask(source, { offset: 3 * MiB, length: 10 });
    fake.reads[0]!.arrive(2 * PAGE_BYTES + 5000);
    await fake.reads[0]!.fail(originError(code));
    t.equal(early.error, undefined);
    t.equal(middle.error?.code, code);
    t.strictSame(middle.bytes, bytesOf(source, 0, 2 * PAGE_BYTES), 'what came before the error is good');
    t.equal(late.error?.code, code);
    t.equal(store.pool.usedBytes, 2 * PAGE_BYTES);

    const again = ask(source, { offset: PAGE_BYTES, length: 2 * PAGE_BYTES });
    t.strictSame(fake.ranges[1], [2 * PAGE_BYTES, PAGE_BYTES], 'the half-filled page is fetched anew');
    await fake.reads[1]!.finish();
    t.strictSame(again.bytes, bytesOf(source, PAGE_BYTES, 2 * PAGE_BYTES));
    t.equal(await drain(), 0);
  }
});

t.test('an error that is not ours is ORIGIN_FAILED', async (t) => {
  const { ask, fake, drain } = fixture();
  const exchange = ask(sourceOf('a', MiB), { offset: 0, length: 10 });
  await fake.reads[0]!.fail(new Error('boom'));
  t.equal(exchange.error?.code, 'ORIGIN_FAILED');
  t.equal(await drain(), 0);
});

t.test('STALE mid-way ends every reader of the block, and its other fills', async (t) => {
  const { ask, fake, store, drain } = fixture();
  const source = sourceOf('a', 4 * MiB);
  const one = ask(source, { offset: 0, length: 2 * PAGE_BYTES, hold: true });
  const other = ask(source, { offset: 3 * MiB, length: 10 });
  fake.reads[0]!.arrive(PAGE_BYTES);
  await fake.reads[0]!.fail(originError('STALE'));
  t.equal(one.error?.code, 'STALE');
  t.equal(other.error?.code, 'STALE');
  t.equal(store.size, 0);
  t.ok(fake.reads[1]!.aborted);
  await fake.reads[1]!.fail(originError('CANCELLED'));
  t.equal(store.pool.usedBytes, 3 * PAGE_BYTES, 'the block stays until what is being sent is sent');
  one.send();
  t.strictSame(one.bytes, bytesOf(source, 0, PAGE_BYTES));
  t.equal(store.pool.usedBytes, 0);
  t.equal(await drain(), 0);
});

t.test('a page that is being sent in part is not freed when its fill fails', async (t) => {
  const { ask, fake, store, drain } = fixture();
  const source = sourceOf('a', 4 * MiB);
  const reader = ask(source, { offset: 0, length: 4096, flags: WHOLE, hold: true });
  fake.reads[0]!.arrive(8192);
  t.ok(reader.ended, 'answered from a page that is not whole');
  await fake.reads[0]!.fail(originError('TIMEOUT'));
  t.equal(store.size, 0, 'nobody else gets it');
  t.equal(store.pool.usedBytes, 4 * MiB);
  for (let i = 0; i < 32; i++) ask(sourceOf(`b${i}`, 4 * MiB), { offset: 0, length: 1 });
  reader.send();
  t.strictSame(reader.bytes, bytesOf(source, 0, 4096));
  t.equal(await drain(), 0);
});

t.test('a READ that can not be is refused', async (t) => {
  const { ask, fake, reads, drain } = fixture({ auto: true });
  const source = sourceOf('a', 5 * MiB);
  const refusals: [Parameters<typeof ask>[1], string][] = [
    [{ offset: 0, length: 0 }, 'no bytes'],
    [{ block: 1, offset: 0, length: 2 * MiB }, 'past the file'],
    [{ block: 2, offset: 0, length: 1 }, 'a block past the file'],
    [{ offset: 4 * MiB, length: 1 }, 'past the block'],
    [{ offset: 0, length: 4 * MiB + 1 }, 'too long'],
  ];
  for (const [request, why] of refusals) t.equal(ask(source, request).error?.code, 'INVALID', why);

  const body = readBody(source, { offset: 0, length: 10 });
  body[3]! ^= 1;
  const poisoned = new FakeExchange(OPCODES.READ.wire, body);
  reads.handle(poisoned);
  t.equal(poisoned.error?.code, 'INVALID', 'a source that is not that file id');

  ask(source, { block: 1, offset: 0, length: 10 });
  await settle();
  t.equal(
    ask(source, { block: 1, offset: 0, length: 2 * MiB }).error?.code,
    'INVALID',
    'of a block in memory too',
  );

  const short = new FakeExchange(OPCODES.READ.wire, Buffer.alloc(10));
  reads.handle(short);
  t.equal(short.error?.code, 'INVALID');
  const other = new FakeExchange(OPCODES.LOOKUP.wire, Buffer.alloc(0));
  reads.handle(other);
  t.equal(other.error?.code, 'UNSUPPORTED');
  t.equal(fake.reads.length, 1);
  t.equal(await drain(), 0);
});

t.test('a dataset that is not known here is a retryable refusal', async (t) => {
  const { ask, drain } = fixture();
  const exchange = ask(sourceOf('a', MiB, { datasetId: 99 }), { offset: 0, length: 10 });
  t.equal(exchange.error?.code, 'UNREACHABLE');
  t.ok(exchange.error?.retryable);
  t.match(exchange.error?.message, /dataset 99/);
  t.equal(await drain(), 0);
});

t.test('memory that changed is not served, and fetched anew', async (t) => {
  const { ask, fake, store, counters, drain } = fixture({ auto: true });
  const source = sourceOf('a', MiB);
  ask(source, { offset: 0, length: 10 });
  await settle();
  const [block] = [...store.blocks()];
  const memory = store.pool.view(block!.extents[0]!.unit, 0, 4096);
  memory[5]! ^= 1;
  t.equal(ask(source, { offset: 3, length: 10 }).error?.code, 'CORRUPT');
  t.equal(counters.corrupt, 1);
  const again = ask(source, { offset: 3, length: 10 });
  await settle();
  t.equal(fake.reads.length, 2);
  t.strictSame(again.bytes, bytesOf(source, 3, 10));
  t.equal(await drain(), 0);
});

t.test('who waits for a slow origin hears that the worker lives', async (t) => {
  const { ask, fake, reads, drain } = fixture();
  const source = sourceOf('slow', MiB);
  const exchange = ask(source, { offset: 0, length: MiB });
  reads.signOfLife();
  t.equal(exchange.signsOfLife, 0, 'it has only just come');
  reads.signOfLife();
  reads.signOfLife();
  t.equal(exchange.signsOfLife, 2);
  fake.pending[0]!.arrive(300_000);
  reads.signOfLife();
  t.equal(exchange.signsOfLife, 2, 'bytes are a sign of life');
  await fake.pending[0]!.finish();
  await settle();
  reads.signOfLife();
  reads.signOfLife();
  t.equal(exchange.signsOfLife, 2);
  t.strictSame(exchange.bytes, bytesOf(source, 0, MiB));
  t.equal(await drain(), 0);
});
