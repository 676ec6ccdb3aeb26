import { MiB, PAGE_BYTES, READ_AHEAD, READ_WHOLE_BLOCK } from '@tidecache/protocol';
import { t } from 'tap';
import { originError, settle } from '../support/fake-origin.js';
import { bytesOf, fixture, sourceOf } from '../support/fixture.js';

const source = sourceOf('a', 4 * MiB);
const WHOLE = READ_WHOLE_BLOCK;

t.test('a fill that nobody waits for is given up, and its memory is back', async (t) => {
  const { ask, fake, store, reads, drain } = fixture();
  const one = ask(source, { offset: 0, length: MiB, flags: WHOLE });
  const two = ask(source, { offset: MiB, length: MiB, flags: WHOLE });
  one.abandon();
  t.notOk(fake.reads[0]!.aborted, 'another waits');
  two.abandon();
  t.ok(fake.reads[0]!.aborted);
  t.equal(store.pool.usedBytes, 4 * MiB, 'the origin may still write');
  await fake.reads[0]!.fail(originError('CANCELLED'));
  t.equal(store.pool.usedBytes, 0);
  t.equal(store.size, 0);
  t.equal(reads.waiting, 0);
  t.equal(reads.filler.failures, 0, 'which is no failure');
  t.equal(await drain(), 0);
});

t.test('a fill in the queue is given up without asking the origin', async (t) => {
  const { ask, fake, store, reads, drain } = fixture({ limits: { runningFills: 1 } });
  ask(source, { offset: 0, length: 10 });
  const waiting = ask(source, { offset: MiB, length: 10 });
  t.equal(store.pool.usedBytes, 2 * PAGE_BYTES);
  waiting.abandon();
  t.equal(store.pool.usedBytes, PAGE_BYTES);
  t.equal(reads.filler.queue.waiting, 0);
  await fake.reads[0]!.finish();
  t.equal(fake.reads.length, 1);
  t.equal(await drain(), 0);
});

t.test('a fill goes on when somebody got bytes of it, or half of it is there', async (t) => {
  const { ask, fake, store, drain } = fixture();
  const served = ask(source, { offset: 0, length: MiB, flags: WHOLE });
  fake.reads[0]!.arrive(PAGE_BYTES);
  served.abandon();
  t.notOk(fake.reads[0]!.aborted);
  const other = sourceOf('b', 4 * MiB);
  const last = ask(other, { offset: 3 * MiB, length: MiB, flags: WHOLE });
  fake.reads[1]!.arrive(2 * MiB);
  last.abandon();
  t.notOk(fake.reads[1]!.aborted);
  for (const read of fake.pending) await read.finish();
  t.equal(store.pool.usedBytes, 8 * MiB);
  t.equal(await drain(), 0);
});

t.test('who joins a fill that was given up gets a new one', async (t) => {
  const { ask, fake, drain } = fixture();
  ask(source, { offset: 0, length: MiB, flags: WHOLE }).abandon();
  const late = ask(source, { offset: 0, length: 10 });
  await fake.reads[0]!.fail(originError('CANCELLED'));
  t.strictSame(fake.ranges[1], [0, PAGE_BYTES], 'what it needs');
  await fake.reads[1]!.finish();
  t.strictSame(late.bytes, bytesOf(source, 0, 10));
  t.equal(await drain(), 0);
});

t.test('a fill that was given up and ends well all the same serves who joined', async (t) => {
  const { ask, fake, drain } = fixture();
  ask(source, { offset: 0, length: MiB, flags: WHOLE }).abandon();
  const late = ask(source, { offset: 0, length: 10 });
  await fake.reads[0]!.finish();
  t.strictSame(late.bytes, bytesOf(source, 0, 10));
  t.equal(fake.reads.length, 1);
  t.equal(await drain(), 0);
});

t.test('abandoned while its reply is on its way', async (t) => {
  const { ask, fake, store, reads, drain } = fixture();
  const reader = ask(source, { offset: 0, length: 2 * PAGE_BYTES, hold: true });
  fake.reads[0]!.arrive(PAGE_BYTES);
  t.equal(reads.replies.sendingBytes, PAGE_BYTES);
  reader.abandon();
  t.equal(reads.replies.sendingBytes, 0);
  await fake.reads[0]!.finish();
  t.ok(
    [...store.blocks()].every(({ pins }) => pins === 0),
    'nothing stays pinned',
  );
  t.equal(await drain(), 0);
});

t.test('closing ends everything, also what is queued', async (t) => {
  const { ask, fake, store, reads, drain } = fixture({ limits: { runningFills: 1 } });
  const readers = [0, 1, 2].map((mib) => ask(source, { offset: mib * MiB, length: 10, flags: READ_AHEAD }));
  await settle();
  t.equal(fake.reads.length, 1);
  t.equal(await drain(), 0);
  t.ok(readers.every(({ ended }) => ended));
  t.equal(store.size, 0);
  t.equal(reads.waiting, 0);
  t.equal(ask(source, { offset: 0, length: 1 }).error?.code, 'UNREACHABLE');
});
