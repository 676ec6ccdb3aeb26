/**
 * Workers, their leases and the ring. A worker is on the ring from its registration until it leaves or its lease ends.
 * The ring gets a new epoch only when its members change, and an epoch is kept before it is told, so that it never
 * goes back. After a restart the ring of before stays until every worker on it is back, or one lease has passed: a
 * master's restart moves no block.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  epoch,
  LEASE_MS,
  lanesOf,
  type Ring,
  RingMember,
  TidecacheError,
  type WorkerStats,
} from '@tidecache/protocol';
import { DISCONNECT_GRACE_MS, LEASE_TICK_MS, PAUSE_MS } from '../limits.js';
import type { Store } from '../store/store.js';
import type { Logger } from '../util/logger.js';
import { every, type Timers } from '../util/timers.js';
import { checkAdmission, checkRingRoom, type Registration } from './admission.js';

/** What tells one live connection from another. */
export type ConnectionKey = object;

export interface MemberView {
  readonly member: RingMember;
  readonly release: string;
  readonly memoryBytes: number;
  readonly stats: WorkerStats | undefined;
  readonly registeredMs: number;
  readonly heardMs: number;
  readonly leaseLeftMs: number;
  readonly connected: boolean;
}

interface Kept {
  member: RingMember;
  release: string;
  memoryBytes: number;
  stats: WorkerStats | undefined;
  registeredMs: number;
  heardMs: number;
  leaseEndsMs: number;
  /** Undefined while its connection is broken. */
  connection: ConnectionKey | undefined;
}

export interface MembersInit {
  readonly store: Store;
  readonly now: () => number;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly onRing: (ring: Ring) => void;
  readonly onLeaseLost?: () => void;
}

export class Members {
  readonly #init: MembersInit;
  readonly #members = new Map<string, Kept>();
  readonly #stopTicking: () => void;
  #ring: Ring;
  /** Workers of the ring before the restart that have not registered again; undefined: settled. */
  #awaited: Set<string> | undefined;
  #settleAtMs: number;
  #tickedMs: number;

  constructor(init: MembersInit) {
    this.#init = init;
    const { store, now, timers } = init;
    const kept = store.members().map((value) => RingMember.parse(value));
    this.#ring = { epoch: epoch(store.counter('epoch')), members: kept.sort(byId) };
    this.#awaited = kept.length > 0 ? new Set(kept.map(({ id }) => id)) : undefined;
    this.#tickedMs = now();
    this.#settleAtMs = this.#tickedMs + LEASE_MS;
    this.#stopTicking = every(timers, LEASE_TICK_MS, () => this.tick());
  }

  get ring(): Ring {
    return this.#ring;
  }

  /** False after a restart, until the ring is known to be what it is. */
  get settled(): boolean {
    return this.#awaited === undefined;
  }

  get size(): number {
    return this.#members.size;
  }

  list(): MemberView[] {
    const now = this.#init.now();
    return [...this.#members.values()]
      .map(({ leaseEndsMs, connection, ...rest }) => ({
        ...rest,
        leaseLeftMs: Math.max(0, leaseEndsMs - now),
        connected: connection !== undefined,
      }))
      .sort((a, b) => byId(a.member, b.member));
  }

  /** Takes the worker in, or renews what is known of it. INVALID, ALREADY_EXISTS, BUSY, NO_SPACE: not taken. */
  register(registration: Registration, connection: ConnectionKey): void {
    const now = this.#init.now();
    const { member, release, memoryBytes } = registration;
    checkAdmission(registration, now);
    const known = this.#members.get(member.id);
    if (known?.connection && known.connection !== connection && !sameAddress(known.member, member)) {
      throw new TidecacheError(
        'ALREADY_EXISTS',
        `worker id ${member.id} is in use at ${known.member.host}:${known.member.port}, and asked for again from ` +
          `${member.host}:${member.port} (give each worker an id of its own)`,
      );
    }
    if (!known) checkRingRoom(this.#live(), member);
    const before = known && { ...known };
    this.#members.set(member.id, {
      member,
      release,
      memoryBytes,
      stats: known?.stats,
      registeredMs: now,
      heardMs: now,
      leaseEndsMs: now + LEASE_MS,
      connection,
    });
    this.#awaited?.delete(member.id);
    try {
      this.#publish();
    } catch (thrown) {
      if (before) this.#members.set(member.id, before);
      else this.#members.delete(member.id);
      throw thrown;
    }
    if (!known)
      this.#init.logger.info({ worker: member.id, host: member.host, port: member.port }, 'worker joined');
  }

  /** Renews the lease. NOT_FOUND: the worker must register (again). */
  heartbeat(id: string, stats: WorkerStats, connection: ConnectionKey): void {
    const known = this.#members.get(id);
    if (!known) {
      throw new TidecacheError('NOT_FOUND', `worker ${id} has no lease here (register again)`);
    }
    const now = this.#init.now();
    known.stats = stats;
    known.heardMs = now;
    known.leaseEndsMs = now + LEASE_MS;
    known.connection = connection;
  }

  /** The worker goes, in order. An unknown one is gone already. */
  leave(id: string): void {
    this.#awaited?.delete(id);
    if (this.#members.delete(id)) this.#init.logger.info({ worker: id }, 'worker left');
    this.#publish();
  }

  /** A broken connection alone ends nothing, but it is a reason to wait less. */
  disconnected(connection: ConnectionKey): void {
    const until = this.#init.now() + DISCONNECT_GRACE_MS;
    for (const known of this.#members.values()) {
      if (known.connection !== connection) continue;
      known.connection = undefined;
      known.leaseEndsMs = Math.min(known.leaseEndsMs, until);
    }
  }

  /** Ends leases whose time is up. Runs by itself; public for tests. */
  tick(): void {
    const now = this.#init.now();
    const lateMs = now - this.#tickedMs - LEASE_TICK_MS;
    this.#tickedMs = now;
    // This process stood still (or its clock was set): heartbeats wait in sockets, unread. Or the clock went back.
    if (lateMs > PAUSE_MS || lateMs < -PAUSE_MS) this.#shiftLeases(lateMs);
    for (const [id, { leaseEndsMs, heardMs }] of this.#members) {
      if (leaseEndsMs > now) continue;
      this.#members.delete(id);
      this.#init.onLeaseLost?.();
      this.#init.logger.warn(
        { worker: id, silentMs: now - heardMs },
        'worker fell silent: it leaves the ring',
      );
    }
    if (this.#awaited && now >= this.#settleAtMs) this.#awaited.clear();
    try {
      this.#publish();
    } catch (error) {
      this.#init.logger.error({ error }, 'could not keep the new ring: the old one stays');
    }
  }

  close(): void {
    this.#stopTicking();
  }

  #shiftLeases(byMs: number): void {
    this.#settleAtMs += byMs;
    for (const known of this.#members.values()) known.leaseEndsMs += byMs;
  }

  #live(): RingMember[] {
    return [...this.#members.values()].map(({ member }) => member).sort(byId);
  }

  /** Gives the ring a new epoch and tells it, when its members are not what was told last. */
  #publish(): void {
    if (this.#awaited) {
      if (this.#awaited.size > 0) return;
      this.#awaited = undefined;
    }
    const members = this.#live();
    if (sameMembers(members, this.#ring.members)) return;
    const { store, onRing } = this.#init;
    const next = epoch(this.#ring.epoch + 1);
    const gone = this.#ring.members.filter(({ id }) => !this.#members.has(id));
    store.write(
      'keeping the ring',
      () => {
        store.putCounter('epoch', next);
        for (const { id } of gone) store.removeMember(id);
        for (const member of members) store.putMember(member.id, member);
      },
      { durable: true },
    );
    this.#ring = { epoch: next, members };
    onRing(this.#ring);
  }
}

const byId = (a: RingMember, b: RingMember) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

const sameAddress = (a: RingMember, b: RingMember) => a.host === b.host && a.port === b.port;

const sameMember = (a: RingMember, b: RingMember | undefined) =>
  b !== undefined &&
  a.id === b.id &&
  sameAddress(a, b) &&
  isDeepStrictEqual(lanesOf(a), lanesOf(b)) &&
  a.hostId === b.hostId &&
  a.weight === b.weight;

const sameMembers = (a: RingMember[], b: RingMember[]) =>
  a.length === b.length && a.every((member, i) => sameMember(member, b[i]));
