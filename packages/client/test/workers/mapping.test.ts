import {
  decodeLend,
  decodeRelease,
  encodeLent,
  encodeMapped,
  type FileId,
  type Lent,
  OPCODES,
  TidecacheError,
} from '@tidecache/protocol';
import { t } from 'tap';
import { MAX_HELD_RELEASES, RELEASE_PAUSE_MS } from '../../src/limits.js';
import { Loan } from '../../src/workers/loan.js';
import { Mapping } from '../../src/workers/mapping.js';
import { FakeClock } from '../doubles/fake-clock.js';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function fixture() {
  const slab = Buffer.from('0123456789abcdef');
  const told: number[][] = [];
  const asked: number[][] = [];
  const answers: { now: Lent[] | undefined } = { now: undefined };
  let closed = false;
  const clock = new FakeClock();
  const peer = {
    async request(opcode: number, body: Uint8Array) {
      t.equal(opcode, OPCODES.LEND.wire);
      asked.push(decodeLend(Buffer.from(body)).map(({ lease }) => lease));
      if (!answers.now) throw new TidecacheError('TIMEOUT', 'no answer');
      return { body: encodeLent(answers.now), payloadBytes: 0 };
    },
    tell(opcode: number, body: Uint8Array) {
      t.equal(opcode, OPCODES.RELEASE.wire);
      told.push(decodeRelease(Buffer.from(body)));
      return true;
    },
  };
  const memory = {
    view({ offset, length }: { offset: number; length: number }) {
      if (offset + length > slab.length) throw new TidecacheError('CORRUPT', 'no such bytes');
      return slab.subarray(offset, offset + length);
    },
    close: async () => {
      closed = true;
    },
  };
  return { mapping: new Mapping(peer, memory, clock), clock, asked, answers, told, isClosed: () => closed };
}

const twoRanges = encodeMapped([
  { slab: 0, offset: 2, length: 4 },
  { slab: 0, offset: 10, length: 3 },
]);
const text = (parts: readonly Uint8Array[]) => Buffer.concat(parts).toString();

t.test('any part of what was lent can be looked at', async (t) => {
  const { mapping } = fixture();
  const lease = mapping.adopt(mapping.nextLease(), twoRanges);
  t.equal(lease.bytes, 7);
  for (let from = 0; from <= 7; from++) {
    for (let to = from; to <= 7; to++) {
      const parts: Uint8Array[] = [];
      lease.slice(from, to, parts);
      t.equal(text(parts), '2345abc'.slice(from, to));
    }
  }
});

t.test('what is released in one turn is told at once', async (t) => {
  const { mapping, told } = fixture();
  const leases = [1, 2, 3].map((number) => {
    t.equal(mapping.nextLease(), number);
    return mapping.adopt(number, twoRanges);
  });
  for (const lease of leases) lease.release();
  mapping.release(9);
  leases[0]!.release();
  await turn();
  t.same(told, [[1, 2, 3, 9]], 'once each, and what was asked for in vain too');
});

t.test('an answer that is useless is released', async (t) => {
  const { mapping, told } = fixture();
  const outside = encodeMapped([{ slab: 0, offset: 15, length: 2 }]);
  t.throws(() => mapping.adopt(4, outside), { code: 'CORRUPT' });
  t.throws(() => mapping.adopt(5, Buffer.alloc(11)), { code: 'PROTOCOL' });
  await turn();
  t.same(told, [[4, 5]]);
});

t.test('at its end all is revoked, at once', async (t) => {
  const { mapping, told, isClosed } = fixture();
  const lease = mapping.adopt(1, twoRanges);
  let heard = 0;
  lease.onRevoked = () => {
    heard++;
  };
  mapping.release(7);
  mapping.end();
  t.ok(lease.revoked);
  t.ok(isClosed());
  mapping.end();
  lease.release();
  t.equal(heard, 1);
  t.throws(() => mapping.adopt(2, twoRanges), { code: 'UNREACHABLE' });
  await turn();
  t.same(told, [], 'nobody is there to be told');
});

const file = (name: string, size: number) => ({ fileId: name.padEnd(16, '.') as FileId, size });

t.test('many files in one request', async (t) => {
  const { mapping, clock, asked, answers, told } = fixture();
  answers.now = [{ slab: 0, offset: 2, length: 4 }, 'absent', 'later', { slab: 0, offset: 0, length: 3 }];
  const [first, ...others] = await mapping.borrow([file('a', 4), file('b', 1), file('c', 1), file('d', 9)]);
  t.same(asked, [[1, 2, 3, 4]]);
  t.equal(text([(first as Loan).bytes!]), '2345');
  t.same(others, ['absent', 'later', 'absent'], 'the last is not the file that was asked for');
  (first as Loan).release();
  await clock.pass(RELEASE_PAUSE_MS);
  t.same(told, [[4, 1]]);
});

t.test('a place that the worker does not have has no bytes', async (t) => {
  const { mapping, answers } = fixture();
  answers.now = [{ slab: 0, offset: 15, length: 4 }];
  const [loan] = await mapping.borrow([file('a', 4)]);
  t.equal((loan as Loan).bytes, undefined);
});

t.test('without an answer they may have been lent all the same', async (t) => {
  const { mapping, told } = fixture();
  await t.rejects(mapping.borrow([file('a', 4), file('b', 4)]), { code: 'TIMEOUT' });
  await turn();
  t.same(told, [[1, 2]]);
});

t.test('after the end nothing that was lent has bytes', async (t) => {
  const { mapping, answers, told } = fixture();
  answers.now = [{ slab: 0, offset: 2, length: 4 }];
  const [loan] = await mapping.borrow([file('a', 4)]);
  mapping.end();
  t.ok(loan instanceof Loan);
  t.equal((loan as Loan).bytes, undefined);
  (loan as Loan).release();
  await turn();
  t.same(told, []);
});

t.test('releases of little ones are told together, after a while or when they are many', async (t) => {
  const { mapping, clock, told } = fixture();
  mapping.release(1, 100);
  mapping.release(2, 100);
  await turn();
  t.same(told, []);
  await clock.pass(RELEASE_PAUSE_MS);
  t.same(told.splice(0), [[1, 2]]);
  for (let lease = 1; lease <= MAX_HELD_RELEASES; lease++) mapping.release(lease, 100);
  t.equal(told[0]?.length, MAX_HELD_RELEASES);
  t.equal(clock.pending, 0);
});
