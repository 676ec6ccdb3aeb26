import {
  decodeLent,
  encodeLend,
  encodeRelease,
  fileIdOf,
  type MappedRange,
  MiB,
  OPCODES,
  type Source,
} from '@tidecache/protocol';
import { t } from 'tap';
import { LEASED_SHARE, LENT_SHARE } from '../../src/limits.js';
import { FakeConnection, FakeExchange } from '../support/fake-exchange.js';
import { bytesOf, fixture, sourceOf } from '../support/fixture.js';

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
const SIZE = 23_000;

async function warm(files: number, size = SIZE) {
  const parts = fixture({ auto: true });
  const sources = Array.from({ length: files }, (_, i) => sourceOf(`f${i}`, size));
  for (const source of sources) {
    parts.ask(source, { offset: 0, length: size });
    await settled();
  }
  const connection = new FakeConnection();
  parts.reads.leases.admit(connection);
  const lend = (wanted: readonly { source: Source; lease: number; offset?: number; length?: number }[]) => {
    const body = encodeLend(
      wanted.map(({ source, lease, offset = 0, length = source.size }) => ({
        ...{ fileId: fileIdOf(source), blockIndex: 0, offset, length, lease },
      })),
    );
    const exchange = new FakeExchange(OPCODES.LEND.wire, body, true, connection);
    parts.reads.handle(exchange);
    return exchange;
  };
  return { ...parts, sources, connection, lend };
}

t.test('many files, where they are', async (t) => {
  const { store, counters, sources, lend } = await warm(3);
  const hits = counters.hits;
  const { mapped } = lend(sources.map((source, i) => ({ source, lease: i + 1 })));
  for (const [i, range] of decodeLent(mapped!, 3).entries()) {
    const { offset, length } = range as MappedRange;
    const bytes = store.pool.view(0, offset, offset + length);
    t.ok(bytes.equals(bytesOf(sources[i]!, 0, SIZE)));
  }
  t.equal(counters.hits, hits + 3);
});

t.test('what is not here is neither lent nor fetched', async (t) => {
  const { fake, sources, lend } = await warm(1);
  const fills = fake.reads.length;
  const cold = sourceOf('cold', SIZE);
  const past = { source: sources[0]!, lease: 3, offset: 1 };
  const { mapped } = lend([{ source: cold, lease: 1 }, { source: sources[0]!, lease: 2 }, past]);
  const [first, second, third] = decodeLent(mapped!, 3);
  t.same([first, third], ['absent', 'absent']);
  t.equal((second as MappedRange).length, SIZE);
  t.equal(fake.reads.length, fills);
});

t.test('a lease counts for the whole block that it pins, until it is released', async (t) => {
  const { reads, ask, sources, connection, lend } = await warm(1, 4 * MiB);
  const most = Math.floor((64 * MiB * LEASED_SHARE * LENT_SHARE) / (4 * MiB));
  const tiny = Array.from({ length: most + 1 }, (_, i) => ({ source: sources[0]!, lease: i + 1, length: 1 }));
  const ranges = decodeLent(lend(tiny).mapped!, most + 1);
  t.equal(reads.leases.bytes, most * 4 * MiB);
  t.equal(ranges.filter((range) => typeof range !== 'string').length, most);
  t.equal(ranges.at(-1), 'later');
  const { mapped } = ask(sources[0]!, { offset: 0, length: 4 * MiB, lease: 99, connection });
  t.equal(mapped?.length, 12, 'room is left for who reads');
  reads.told(connection, OPCODES.RELEASE.wire, encodeRelease([99]));
  reads.told(connection, OPCODES.RELEASE.wire, encodeRelease(tiny.map(({ lease }) => lease)));
  t.equal(reads.leases.bytes, 0);
});

t.test('nothing is lent to who has not asked where the memory is; nonsense is refused', async (t) => {
  const { reads, sources } = await warm(1);
  const ask = (body: Buffer) => {
    const exchange = new FakeExchange(OPCODES.LEND.wire, body);
    reads.handle(exchange);
    return exchange;
  };
  const one = { fileId: fileIdOf(sources[0]!), blockIndex: 0, offset: 0, length: SIZE, lease: 1 };
  t.same(decodeLent(ask(encodeLend([one])).mapped!, 1), ['later']);
  t.equal(ask(Buffer.alloc(31)).error?.code, 'INVALID');
});
