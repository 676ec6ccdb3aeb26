import { decodeRelease, encodeMapped, OPCODES, TidecacheError } from '@tidecache/protocol';
import { t } from 'tap';
import { Mapping } from '../../src/workers/mapping.js';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function fixture() {
  const slab = Buffer.from('0123456789abcdef');
  const told: number[][] = [];
  let closed = false;
  const peer = {
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
  return { mapping: new Mapping(peer, memory), told, isClosed: () => closed };
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
