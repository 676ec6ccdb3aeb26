import {
  encodeBody,
  HEARTBEAT_MS,
  LEASE_MS,
  OPCODES,
  opcodeName,
  type RingMember,
  TidecacheError,
  type WorkerStats,
} from '@tidecache/protocol';
import type { Peer, PeerEvents, Reply } from '@tidecache/transport';
import { t } from 'tap';
import { SILENT } from '../src/logger.js';
import { Membership } from '../src/membership.js';
import { settle } from './support/fake-origin.js';
import { datasets } from './support/fixture.js';

const member: RingMember = { id: 'w1', host: '127.0.0.1', port: 1, hostId: 'h', weight: 64 };
const stats = { usedBytes: 1 } as WorkerStats;

/** Time that moves when the test says so. */
function manualClock() {
  let now = 0;
  let timers: { at: number; run: () => void }[] = [];
  return {
    now: () => now,
    after(ms: number, run: () => void) {
      const timer = { at: now + ms, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    /** Runs what is due, in order, letting each settle. */
    async advance(ms: number) {
      const until = now + ms;
      await settle();
      for (;;) {
        const next = timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
        if (!next) break;
        timers = timers.filter((timer) => timer !== next);
        now = Math.max(now, next.at);
        next.run();
        await settle();
      }
      now = until;
    },
    get armed() {
      return timers.length;
    },
  };
}

type Answer = (name: string) => unknown;

function fixture(answer: Answer, startDeadlineMs = 10_000) {
  const clock = manualClock();
  const asked: string[] = [];
  const lists: [number, boolean][] = [];
  const rings: number[] = [];
  const state = { answer, connected: true, closed: false, generation: -1 };
  let events: PeerEvents = {};
  const peer: Peer = {
    address: { host: 'master', port: 1 },
    get connected() {
      return state.connected;
    },
    inFlightBytes: 0,
    keepConnected() {},
    tell: () => true,
    async request(opcode: number): Promise<Reply> {
      const name = opcodeName(opcode) ?? '?';
      asked.push(name);
      const body = state.answer(name);
      if (body instanceof Error) throw body;
      return { body: encodeBody(body), payloadBytes: 0 };
    },
    async close() {
      state.closed = true;
    },
  };
  const membership = new Membership({
    connect: (given) => {
      events = given;
      return peer;
    },
    member,
    stats: () => ({
      ...stats,
      blocks: 0,
      hits: 0,
      misses: 0,
      servedBytes: 0,
      filledBytes: 0,
      copiedBytes: 0,
      evictions: 0,
      busy: 0,
      corrupt: 0,
    }),
    onDatasets: (list, restarted) => {
      state.generation = list.generation;
      lists.push([list.generation, restarted]);
    },
    onRing: (ring) => rings.push(ring.epoch),
    generation: () => state.generation,
    clock,
    now: () => 1234,
    logger: SILENT,
    startDeadlineMs,
  });
  return {
    membership,
    clock,
    asked,
    lists,
    rings,
    state,
    connect: () => events.onConnected?.(),
    events: () => events,
  };
}

const registered = { clusterId: 'c', leaseMs: LEASE_MS, heartbeatMs: HEARTBEAT_MS, datasets: datasets(3) };
const beaten = { epoch: 1, generation: 3 };
const good: Answer = (name) => (name === 'REGISTER' ? registered : name === 'HEARTBEAT' ? beaten : undefined);
const failing = (code: 'UNREACHABLE' | 'ACCESS_DENIED' | 'NOT_FOUND' | 'INVALID') =>
  new TidecacheError(code, `master says ${code}`);

t.test('registers, then renews at the pace that the master gave', async (t) => {
  const { membership, clock, asked, lists } = fixture(good);
  await membership.join();
  t.ok(membership.registered);
  t.strictSame(lists, [[3, true]]);
  await clock.advance(HEARTBEAT_MS * 3);
  t.strictSame(asked, ['REGISTER', 'HEARTBEAT', 'HEARTBEAT', 'HEARTBEAT']);
});

t.test('what waiting does not cure rejects at once, with what the master said', async (t) => {
  for (const code of ['ACCESS_DENIED', 'INVALID'] as const) {
    const { membership, asked, clock } = fixture(() => failing(code));
    await t.rejects(membership.join(), { code, message: new RegExp(`cannot register.*master says ${code}`) });
    t.equal(asked.length, 1);
    t.equal(clock.armed, 0);
  }
});

t.test('a master that is not there yet is waited for, within bounds', async (t) => {
  const late = fixture(() => failing('UNREACHABLE'));
  const joined = late.membership.join();
  await settle();
  await late.clock.advance(2_000);
  t.ok(late.asked.length > 2);
  late.state.answer = good;
  late.connect();
  await joined;
  t.ok(late.membership.registered, 'at once when the connection is there, not at the next try');

  const never = fixture(() => failing('UNREACHABLE'), 5_000);
  const refused = t.rejects(never.membership.join(), { code: 'UNREACHABLE', message: /cannot register/ });
  await settle();
  await never.clock.advance(6_000);
  await refused;
  t.equal(never.clock.armed, 0);
});

t.test('registers again when the master does not know it, and after a reconnect', async (t) => {
  const { membership, clock, asked, state, connect, events } = fixture(good);
  await membership.join();
  state.answer = (name) => (name === 'HEARTBEAT' ? failing('NOT_FOUND') : good(name));
  await clock.advance(HEARTBEAT_MS);
  t.strictSame(asked, ['REGISTER', 'HEARTBEAT', 'REGISTER']);
  t.ok(membership.registered);

  state.answer = () => failing('UNREACHABLE');
  events().onDisconnected?.(failing('UNREACHABLE'));
  t.notOk(membership.registered);
  await clock.advance(20_000);
  t.ok(asked.length > 4, 'keeps trying, long after the start deadline');
  state.answer = good;
  connect();
  await settle();
  t.ok(membership.registered);
});

t.test('a lost heartbeat is followed by the next', async (t) => {
  const { membership, clock, asked, state } = fixture(good);
  await membership.join();
  state.answer = () => failing('UNREACHABLE');
  await clock.advance(HEARTBEAT_MS);
  state.answer = good;
  await clock.advance(HEARTBEAT_MS);
  t.strictSame(asked, ['REGISTER', 'HEARTBEAT', 'HEARTBEAT']);
});

t.test('datasets come by push; a push that was lost is noticed', async (t) => {
  const { membership, clock, asked, lists, state, events } = fixture(good);
  await membership.join();
  events().onPush?.(OPCODES.DATASETS.wire, encodeBody(datasets(4)));
  events().onPush?.(OPCODES.DATASETS.wire, Buffer.from('nonsense'));
  events().onPush?.(OPCODES.RING.wire, encodeBody({ epoch: 1, members: [] }));
  t.strictSame(lists.at(-1), [4, false]);
  state.answer = (name) =>
    name === 'REGISTER'
      ? { ...registered, datasets: datasets(5) }
      : name === 'HEARTBEAT'
        ? { ...beaten, generation: 5 }
        : undefined;
  await clock.advance(HEARTBEAT_MS);
  t.equal(lists.length, 2, 'it may be on its way');
  await clock.advance(HEARTBEAT_MS);
  t.strictSame(lists.at(-1), [5, true]);
  t.strictSame(asked.slice(-1), ['REGISTER']);
});

t.test('leaves when it closes, and asks for nothing after', async (t) => {
  const { membership, clock, asked, state, connect } = fixture(good);
  await membership.join();
  await membership.close();
  t.equal(asked.at(-1), 'LEAVE');
  t.ok(state.closed);
  connect();
  await clock.advance(60_000);
  t.equal(asked.at(-1), 'LEAVE');
});
