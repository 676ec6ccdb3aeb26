import {
  decodeMapped,
  encodeRelease,
  KiB,
  MiB,
  OPCODES,
  READ_AHEAD,
  READ_WHOLE_BLOCK,
} from '@tidecache/protocol';
import { t } from 'tap';
import { LEASED_SHARE, MAX_LEASED_BYTES } from '../../src/limits.js';
import { FakeConnection } from '../support/fake-exchange.js';
import { bytesOf, fixture, sourceOf } from '../support/fixture.js';

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
const RELEASE = OPCODES.RELEASE.wire;

async function warm(memoryBytes: number, files: number) {
  const parts = fixture({ auto: true, memoryBytes });
  const sources = Array.from({ length: files }, (_, i) => sourceOf(`f${i}`, 4 * MiB));
  for (const source of sources) {
    parts.ask(source, { offset: 0, length: 4 * MiB, flags: READ_WHOLE_BLOCK });
    await settled();
  }
  const connection = new FakeConnection();
  parts.reads.leases.admit(connection);
  let number = 0;
  const lend = (i: number, length = 4 * MiB) =>
    parts.ask(sources[i]!, { offset: 0, length, lease: ++number, connection });
  return { ...parts, sources, connection, lend };
}

t.test('an answer says where the bytes are', async (t) => {
  const { store, sources, connection, lend } = await warm(64 * MiB, 1);
  t.ok(connection.lingers, 'the connection is not closed under the client');
  const { mapped } = lend(0);
  const bytes = decodeMapped(mapped!).map(({ slab, offset, length }) => {
    t.equal(slab, 0);
    return store.pool.view(0, offset, offset + length);
  });
  t.ok(Buffer.concat(bytes).equals(bytesOf(sources[0]!, 0, 4 * MiB)));
});

t.test('read-ahead is told where its bytes lie when all of them have come', async (t) => {
  const { fake, reads, store, ask, drain } = fixture({ memoryBytes: 64 * MiB });
  const source = sourceOf('cold', 4 * MiB);
  const connection = new FakeConnection();
  reads.leases.admit(connection);
  const want = (lease: number, flags: number) =>
    ask(source, { offset: MiB, length: MiB, flags: READ_WHOLE_BLOCK | flags, lease, connection });
  const ahead = want(1, READ_AHEAD);
  const waits = want(2, 0);
  const gone = want(3, READ_AHEAD);
  fake.reads[0]!.arrive(1.5 * MiB);
  gone.abandon();
  t.equal(waits.bytes.length, MiB / 2, 'who waits is sent what is there');
  t.equal(ahead.bytes.length + ahead.frames.length, 0);
  reads.signOfLife();
  reads.signOfLife();
  t.equal(ahead.signsOfLife, 1, 'the other hears that the worker lives');
  await fake.reads[0]!.finish();
  const [range] = decodeMapped(ahead.mapped!);
  t.ok(store.pool.view(0, range!.offset, range!.offset + range!.length).equals(bytesOf(source, MiB, MiB)));
  t.equal(reads.leases.bytes, MiB, 'nothing is lent to who left');
  reads.told(connection, RELEASE, encodeRelease([1]));
  t.equal(await drain(), 0);
});

t.test('read-ahead past the bound is sent when all of it has come', async (t) => {
  const { fake, reads, ask } = fixture({ memoryBytes: 64 * MiB });
  const source = sourceOf('cold', 4 * MiB);
  const connection = new FakeConnection();
  const flags = READ_WHOLE_BLOCK | READ_AHEAD;
  const stranger = ask(source, { offset: 0, length: MiB, flags, lease: 1, connection });
  await fake.reads[0]!.finish();
  t.ok(stranger.bytes.equals(bytesOf(source, 0, MiB)));
  t.equal(reads.leases.bytes, 0);
});

t.test('what is lent stays until it is released, whatever else comes', async (t) => {
  const { store, reads, sources, connection, lend, ask, drain } = await warm(64 * MiB, 16);
  const [range] = decodeMapped(lend(15).mapped!);
  const lent = store.pool.view(0, range!.offset, range!.offset + range!.length);
  for (let i = 0; i < 40; i++) {
    ask(sourceOf(`other${i}`, 4 * MiB), { offset: 0, length: 4 * MiB, flags: READ_WHOLE_BLOCK });
    await settled();
  }
  t.ok(store.evictions > 16, 'everything else was evicted');
  t.ok(lent.equals(bytesOf(sources[15]!, 0, 4 * MiB)));
  reads.told(connection, RELEASE, encodeRelease([1, 77]));
  t.equal(reads.leases.bytes, 0);
  t.equal(await drain(), 0);
});

t.test('a connection that ends releases all', async (t) => {
  const { reads, connection, lend, drain } = await warm(64 * MiB, 4);
  for (const i of [0, 1, 2]) lend(i);
  t.equal(reads.leases.bytes, 12 * MiB);
  connection.destroy();
  t.equal(reads.leases.bytes, 0);
  t.equal(await drain(), 0);
});

t.test('beyond its bounds an answer is copied', async (t) => {
  const { lend, reads, connection } = await warm(64 * MiB, 8);
  const most = Math.floor((64 * MiB * LEASED_SHARE) / (4 * MiB));
  for (let i = 0; i < most; i++) t.ok(lend(i).mapped, `${i + 1} are lent`);
  t.equal(lend(most).bytes.length, 4 * MiB, 'the share of all memory');
  reads.told(connection, RELEASE, encodeRelease([1]));
  t.equal(lend(0, 32 * KiB).bytes.length, 32 * KiB, 'little is copied sooner than lent');

  const large = await warm(1024 * MiB, 34);
  const own = Math.floor(MAX_LEASED_BYTES / (4 * MiB));
  for (let i = 0; i < own; i++) large.lend(i);
  t.equal(large.reads.leases.bytes, MAX_LEASED_BYTES);
  t.equal(large.lend(own).bytes.length, 4 * MiB, "one client's");
});

t.test('who did not ask where the memory is gets bytes', async (t) => {
  const { ask, sources } = await warm(64 * MiB, 1);
  const stranger = new FakeConnection();
  const { bytes } = ask(sources[0]!, { offset: 0, length: MiB, lease: 1, connection: stranger });
  t.ok(bytes.equals(bytesOf(sources[0]!, 0, MiB)));
});

t.test('only RELEASE is told', async (t) => {
  const { reads, connection } = await warm(64 * MiB, 1);
  t.throws(() => reads.told(connection, OPCODES.READ.wire, Buffer.alloc(0)), { code: 'PROTOCOL' });
  t.throws(() => reads.told(connection, RELEASE, Buffer.alloc(3)), { code: 'PROTOCOL' });
});
