/**
 * A thousand clusters that fail in every way, from a seed: bytes are right or there is a clear error, never a mix of
 * two versions, never past the deadline, and all memory comes back. Replay one with SEED=… TRIALS=1.
 */
import { inodeId, MiB, READ_DEADLINE_MS, TidecacheError } from '@tidecache/protocol';
import { t } from 'tap';
import type { Client, FileHandle } from '../src/api.js';
import { connectClient } from '../src/client.js';
import { contentOf } from './doubles/content.js';
import { FakeClock } from './doubles/fake-clock.js';
import { FakeCluster, type Faults, NO_FAULTS } from './doubles/fake-cluster.js';
import { fileRecord } from './doubles/fake-master.js';
import { LocalThread } from './doubles/local-thread.js';
import { Chance, freshSeed } from './doubles/random.js';

const TRIALS = Number(process.env.TRIALS ?? 1_000);
const ALLOWED = new Set(['STALE', 'TIMEOUT', 'BUSY']);

interface Outcome {
  reads: number;
  errors: Record<string, number>;
  workerBytes: number;
  originBytes: number;
}

function faultsOf(chance: Chance): Faults {
  // Some trials are calm, some are hell: each kind of fault is rare or common by itself.
  if (chance.happens(0.02)) return { ...NO_FAULTS, failed: 1, originFailed: 1 };
  const level = () => chance.pick([0, 0, 0.02, 0.1, 0.6]);
  return {
    busy: level(),
    corrupt: level(),
    short: level(),
    silent: chance.pick([0, 0, 0.02, 0.2]),
    broken: level(),
    failed: level(),
    originFailed: chance.pick([0, 0, 0.1, 1]),
    refers: chance.pick([0, 0.1, 1]),
    slowMs: chance.pick([1, 20, 400]),
  };
}

async function readAll(
  handle: FileHandle,
  version: string,
  clock: FakeClock,
  chance: Chance,
  outcome: Outcome,
) {
  const { size } = handle.inode;
  const sequential = chance.happens(0.6);
  const usual = chance.pick([4096, 131_072, MiB, 1_500_000]);
  let offset = sequential ? 0 : chance.between(0, size);
  for (let i = chance.between(1, 12); i > 0; i--) {
    const length = chance.happens(0.8) ? usual : chance.between(0, 2 * MiB);
    const startedAt = clock.now();
    const inTime = () => {
      const tookMs = clock.now() - startedAt;
      // Sums of fractions of milliseconds are off by their last bits.
      if (tookMs > READ_DEADLINE_MS + 1e-6) throw new Error(`a read took ${tookMs} ms`);
    };
    try {
      const slices = await handle.read(offset, length);
      inTime();
      const expected = contentOf(version, Math.min(offset, size), Math.min(offset + length, size));
      // Somebody looks at the bytes for a while: nobody may write to them meanwhile.
      if (chance.happens(0.5)) await clock.sleep(chance.next() * 200);
      const got = Buffer.concat(slices.parts);
      slices.release();
      if (slices.bytes !== expected.length || !got.equals(expected)) {
        throw new Error(`wrong bytes: ${length} at ${offset} of ${version}, ${size} bytes`);
      }
      outcome.reads++;
    } catch (error) {
      if (!(error instanceof TidecacheError)) throw error;
      inTime();
      if (!ALLOWED.has(error.code))
        throw new Error(`unexpected ${error.code}: ${error.message}`, { cause: error });
      if (error.message.length < 10) throw new Error(`a message that says nothing: ${error.message}`);
      outcome.errors[error.code] = (outcome.errors[error.code] ?? 0) + 1;
    }
    offset = sequential ? offset + length : chance.between(0, size);
  }
}

/** Workers and threads die and come back, rings change, an object is overwritten, while reads go on. */
async function disturb(
  cluster: FakeCluster,
  chance: Chance,
  keys: string[],
  threads: LocalThread[],
  until: () => boolean,
) {
  let epoch = 1;
  while (!until()) {
    await cluster.clock.sleep(chance.next() * 800);
    const worker = chance.pick(cluster.workers);
    if (chance.happens(0.3)) worker.die();
    else if (chance.happens(0.5)) worker.revive();
    if (chance.happens(0.3)) {
      const members = cluster.workers.filter(() => chance.happens(0.8)).map(({ member }) => member);
      cluster.master.pushRing({ epoch: ++epoch, members });
    }
    if (threads.length > 0 && chance.happens(0.2)) chance.pick(threads).die();
    if (chance.happens(0.1)) cluster.objects.set(chance.pick(keys), 'overwritten');
    if (chance.happens(0.03)) cluster.objects.delete(chance.pick(keys));
    if (chance.happens(0.05)) cluster.master.leave();
    else if (cluster.master.away) cluster.master.comeBack();
  }
  if (cluster.master.away) cluster.master.comeBack();
}

async function trial(seed: number): Promise<Outcome> {
  const chance = new Chance(seed);
  const ioThreads = chance.pick([0, 0, 2]);
  // From here to a thread, and from there to here.
  const clock = new FakeClock(ioThreads > 0 ? 4 : 1);
  const cluster = new FakeCluster(clock, chance, chance.between(1, 5), faultsOf(chance));
  cluster.holds = chance.pick([0, 0.5, 1]);
  const outcome: Outcome = { reads: 0, errors: {}, workerBytes: 0, originBytes: 0 };
  const records = [10, 11].map((ino) => {
    const size = chance.pick([0, 1, 4095, 60_000, MiB - 1, MiB, 3 * MiB + 17, 6 * MiB]);
    return fileRecord(ino, `v1-${ino}`, size, chance.pick([262_144, 786_432, 4 * MiB]));
  });
  for (const record of records) {
    cluster.master.addFile(record);
    cluster.objects.set(record.key!, record.version!);
  }
  const threads: LocalThread[] = [];
  const client: Client = await clock.run(
    connectClient({
      master: { host: 'master', port: 1 },
      secret: 'secret',
      name: 'test',
      bufferBytes: 8 * MiB,
      clock,
      random: chance.next,
      hostId: 'here',
      createPeer: cluster.createPeer,
      openOrigin: cluster.openOrigin,
      ioThreads,
      startIoThread: ({ ioThread }) => {
        const thread = new LocalThread(cluster.createPeer);
        threads[ioThread] = thread;
        return thread;
      },
    }),
  );
  const handles: FileHandle[] = [];
  for (let i = chance.between(1, 4); i > 0; i--) {
    handles.push(await clock.run(Promise.resolve(client.open(inodeId(chance.pick(records).ino)))));
  }
  let done = false;
  const reading = Promise.all(
    handles.map((handle) => readAll(handle, handle.inode.version!, clock, chance, outcome)),
  );
  const keys = records.map(({ key }) => key!);
  const disturbing = chance.happens(0.7)
    ? disturb(cluster, chance, keys, threads, () => done)
    : Promise.resolve();
  await clock.run(reading);
  done = true;
  await clock.run(disturbing);
  for (const handle of handles) handle.close();
  const stats = client.stats();
  outcome.workerBytes = Object.values(stats.workerBytes).reduce((sum, bytes) => sum + bytes, 0);
  outcome.originBytes = stats.originBytes;
  await clock.run(client.close());
  // What was in flight has ended by now, or ends with the origin's next step.
  await clock.pass(2 * READ_DEADLINE_MS);
  if (client.stats().bufferBytes !== 0)
    throw new Error(`${client.stats().bufferBytes} bytes never came back`);
  if (cluster.originsOpen !== 0) throw new Error('an origin was left open');
  if (cluster.mostOriginReads > 8) throw new Error(`${cluster.mostOriginReads} reads at the origin at once`);
  if (clock.pending !== 0) throw new Error(`${clock.pending} timers were left`);
  return outcome;
}

// About 10 s of CPU; this long on a machine that is busy with other things.
const TIMEOUT_MS = 115_000;
t.setTimeout(TIMEOUT_MS);

t.test(`${TRIALS} clusters that fail`, { timeout: TIMEOUT_MS }, async (t) => {
  const first = freshSeed();
  t.comment(`seed ${first}`);
  const total: Outcome = { reads: 0, errors: {}, workerBytes: 0, originBytes: 0 };
  for (let seed = first; seed < first + TRIALS; seed++) {
    try {
      const outcome = await trial(seed);
      total.reads += outcome.reads;
      total.workerBytes += outcome.workerBytes;
      total.originBytes += outcome.originBytes;
      for (const [code, count] of Object.entries(outcome.errors)) {
        total.errors[code] = (total.errors[code] ?? 0) + count;
      }
    } catch (error) {
      t.comment((error as Error).stack);
      t.fail(`SEED=${seed} TRIALS=1 replays it: ${(error as Error).message}`);
      return;
    }
  }
  t.comment(JSON.stringify(total));
  t.ok(total.reads > 0, 'most reads succeed');
  if (TRIALS < 1_000) return;
  t.ok((total.errors.STALE ?? 0) > 0, 'some met an overwritten object');
  t.ok((total.errors.TIMEOUT ?? 0) > 0, 'some found nobody in time');
  t.ok(total.originBytes > 0 && total.workerBytes > 0, 'workers and the origin both served');
});
