import { LEASE_MS, MAX_CLOCK_SKEW_MS, RELEASE, type Ring, type WorkerStats } from '@tidecache/protocol';
import { t } from 'tap';
import type { Registration } from '../../src/members/admission.js';
import { Members } from '../../src/members/members.js';
import { Store } from '../../src/store/store.js';
import { silentLogger } from '../../src/util/logger.js';
import { FakeTime } from '../support/fake-time.js';
import { tempDir } from '../support/temp-dir.js';

const STATS: WorkerStats = {
  usedBytes: 0,
  blocks: 0,
  hits: 1,
  misses: 0,
  servedBytes: 0,
  filledBytes: 0,
  copiedBytes: 0,
  evictions: 0,
  busy: 0,
  corrupt: 0,
};

interface Cluster {
  members: Members;
  time: FakeTime;
  rings: Ring[];
  ask(id: string, change?: Partial<Registration['member']>): Registration;
  /** The workers beat while `ms` pass. */
  beat(ms: number, ...ids: string[]): void;
  restart(): Promise<Cluster>;
}

async function makeCluster(
  t: { teardown(run: () => unknown): void },
  dir = tempDir(t),
  time = new FakeTime(),
): Promise<Cluster> {
  const store = await Store.open(dir, time);
  const rings: Ring[] = [];
  const members = new Members({
    store,
    now: time.now,
    timers: time,
    logger: silentLogger,
    onRing: (ring) => rings.push(ring),
  });
  const stop = async () => {
    members.close();
    await store.close();
  };
  t.teardown(stop);
  return {
    members,
    time,
    rings,
    ask: (id, change) => ({
      member: { id, host: '10.0.0.1', port: 7000, hostId: 'h', weight: 100, ...change },
      release: RELEASE,
      clockMs: time.now(),
      memoryBytes: 100,
    }),
    beat(ms, ...ids) {
      for (let left = ms; left > 0; left -= 250) {
        time.advance(Math.min(250, left));
        for (const id of ids) members.heartbeat(id, STATS, connectionOf(id));
      }
    },
    async restart() {
      await stop();
      return makeCluster(t, dir, time);
    },
  };
}

const connections = new Map<string, object>();
function connectionOf(id: string): object {
  const connection = connections.get(id) ?? { id };
  connections.set(id, connection);
  return connection;
}
const ids = ({ members }: Ring) => members.map(({ id }) => id);

t.test('a worker joins, beats, falls silent, and leaves the ring when its lease ends', async (t) => {
  const { members, ask, beat, time, rings } = await makeCluster(t);
  t.ok(members.settled);
  members.register(ask('b'), connectionOf('b'));
  members.register(ask('a'), connectionOf('a'));
  t.same(ids(members.ring), ['a', 'b']);
  t.equal(members.ring.epoch, 2);
  beat(10_000, 'a', 'b');
  t.equal(rings.length, 2, 'a heartbeat alone changes nothing');
  beat(LEASE_MS - 250, 'a');
  t.same(ids(members.ring), ['a', 'b']);
  beat(500, 'a');
  t.same(ids(members.ring), ['a']);
  t.equal(rings.at(-1)?.epoch, 3);
  t.throws(() => members.heartbeat('b', STATS, connectionOf('b')), {
    code: 'NOT_FOUND',
    message: /register/,
  });
  time.advance(LEASE_MS + 500);
  t.same(ids(members.ring), []);
  t.equal(members.ring.epoch, 4);
});

t.test('leaving is at once; twice does no harm', async (t) => {
  const { members, ask, rings } = await makeCluster(t);
  members.register(ask('a'), connectionOf('a'));
  members.leave('a');
  members.leave('a');
  t.same(rings.map(ids), [['a'], []]);
});

t.test('registering again unchanged makes no epoch; another weight or address does', async (t) => {
  const { members, ask, rings } = await makeCluster(t);
  members.register(ask('a'), connectionOf('a'));
  members.register(ask('a'), {});
  t.equal(rings.length, 1);
  members.register(ask('a', { weight: 5 }), {});
  t.equal(rings.length, 2);
  const { port } = ask('a').member;
  members.register(ask('a', { weight: 5, lanes: [{ port }, { port: 7 }] }), {});
  members.register(ask('a', { weight: 5, lanes: [{ port }, { port: 7 }] }), {});
  t.equal(rings.length, 3, 'a second lane');
  members.register(ask('a', { weight: 5, lanes: [{ port }, { port: 8 }] }), {});
  t.equal(rings.length, 4, 'a lane that moved');
});

t.test('an id that is in use elsewhere is refused, unless its connection broke', async (t) => {
  const { members, ask, rings } = await makeCluster(t);
  const first = connectionOf('a');
  members.register(ask('a'), first);
  t.throws(() => members.register(ask('a', { host: '10.0.0.2' }), {}), {
    code: 'ALREADY_EXISTS',
    message: /a is in use at 10\.0\.0\.1:7000.*10\.0\.0\.2:7000/,
  });
  t.equal(rings.length, 1);
  members.disconnected(first);
  members.register(ask('a', { host: '10.0.0.2' }), {});
  t.equal(members.ring.members[0]?.host, '10.0.0.2');
});

t.test('a broken connection shortens the lease; dialling again in time saves it', async (t) => {
  const { members, ask, time } = await makeCluster(t);
  members.register(ask('a'), connectionOf('a'));
  members.register(ask('b'), connectionOf('b'));
  members.disconnected(connectionOf('a'));
  members.disconnected(connectionOf('b'));
  t.equal(members.list().filter(({ connected }) => connected).length, 0);
  time.advance(750);
  members.heartbeat('b', STATS, connectionOf('b'));
  time.advance(500);
  t.same(ids(members.ring), ['b']);
});

t.test('another release or another clock is refused, and both are named', async (t) => {
  const { members, ask, time } = await makeCluster(t);
  t.throws(() => members.register({ ...ask('a'), release: '9.9.0' }, {}), {
    code: 'INVALID',
    message: new RegExp(`a runs release 9\\.9\\.0, the master ${RELEASE}`),
  });
  const late = time.now() - MAX_CLOCK_SKEW_MS - 1;
  t.throws(() => members.register({ ...ask('a'), clockMs: late }, {}), {
    code: 'INVALID',
    message: new RegExp(`${new Date(late).toISOString()}.*${new Date(time.now()).toISOString()}.*NTP`),
  });
  t.throws(() => members.register({ ...ask('a'), clockMs: 1e300 }, {}), { code: 'INVALID' });
  members.register({ ...ask('a'), clockMs: time.now() - MAX_CLOCK_SKEW_MS }, {});
  members.register({ ...ask('b'), release: RELEASE.replace(/\d+$/, '77') }, {});
  t.same(ids(members.ring), ['a', 'b'], 'a patch release is the same');
});

t.test('after a restart the ring stays until all are back, and no epoch is made', async (t) => {
  const before = await makeCluster(t);
  for (const id of ['a', 'b']) before.members.register(before.ask(id), connectionOf(id));
  const after = await before.restart();
  t.notOk(after.members.settled);
  t.same(after.members.ring, before.members.ring);
  t.throws(() => after.members.heartbeat('a', STATS, {}), { code: 'NOT_FOUND' });
  after.members.register(after.ask('a'), connectionOf('a'));
  t.notOk(after.members.settled);
  after.members.register(after.ask('b'), connectionOf('b'));
  t.ok(after.members.settled);
  t.same(after.members.ring, before.members.ring);
  t.same(after.rings, []);
});

t.test('after a restart, who is not back within a lease is off the ring, in one epoch', async (t) => {
  const before = await makeCluster(t);
  for (const id of ['a', 'b', 'c']) before.members.register(before.ask(id), connectionOf(id));
  const after = await before.restart();
  after.members.register(after.ask('a'), connectionOf('a'));
  after.members.register(after.ask('new'), connectionOf('new'));
  after.beat(LEASE_MS - 250, 'a', 'new');
  t.same(after.rings, [], 'nothing moves while it is not sure');
  after.beat(500, 'a', 'new');
  t.same(after.rings.map(ids), [['a', 'new']]);
  t.equal(after.members.ring.epoch, before.members.ring.epoch + 1);
});

t.test('time in which this process stood still is not the silence of the workers', async (t) => {
  const { members, ask, time } = await makeCluster(t);
  members.register(ask('a'), connectionOf('a'));
  time.advance(250);
  time.freeze(60_000);
  t.same(ids(members.ring), ['a']);
  members.heartbeat('a', STATS, connectionOf('a'));
  time.advance(LEASE_MS + 250);
  t.same(ids(members.ring), [], 'and leases end again');
});

t.test('a clock that is set neither ends leases nor makes them last', async (t) => {
  for (const byMs of [3_600_000, -3_600_000]) {
    const { members, ask, time } = await makeCluster(t);
    members.register(ask('a'), connectionOf('a'));
    time.advance(500);
    time.set(time.now() + byMs);
    members.tick();
    t.same(ids(members.ring), ['a']);
    for (let i = 0; i < 16; i++) {
      time.set(time.now() + 250);
      members.tick();
    }
    t.same(ids(members.ring), []);
  }
});
