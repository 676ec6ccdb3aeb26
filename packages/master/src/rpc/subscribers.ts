/** Connections that take pushes: clients that attached, workers that registered. */
import {
  type DatasetList,
  encodeBody,
  type Invalidation,
  OPCODES,
  type Ring,
  TidecacheError,
} from '@tidecache/protocol';
import { pushTo, type ServerConnection } from '@tidecache/transport';
import { MAX_SUBSCRIBERS } from '../limits.js';
import type { Metrics } from '../metrics.js';

interface Subscriber {
  readonly kind: 'client' | 'worker';
  readonly name: string;
}

export class Subscribers {
  readonly #subscribers = new Map<ServerConnection, Subscriber>();
  readonly #metrics: Metrics;
  readonly #onGone: (connection: ServerConnection) => void;

  constructor(metrics: Metrics, onGone: (connection: ServerConnection) => void) {
    this.#metrics = metrics;
    this.#onGone = onGone;
  }

  /** True when the connection is new here. BUSY when there are too many. */
  add(connection: ServerConnection, subscriber: Subscriber): boolean {
    const known = this.#subscribers.has(connection);
    if (!known && this.#subscribers.size >= MAX_SUBSCRIBERS) {
      throw new TidecacheError('BUSY', `${MAX_SUBSCRIBERS} clients and workers are attached already`);
    }
    this.#subscribers.set(connection, subscriber);
    if (!known) {
      connection.onClose(() => {
        this.#subscribers.delete(connection);
        this.#onGone(connection);
      });
    }
    return !known;
  }

  clients(): string[] {
    return [...this.#subscribers.values()].filter(({ kind }) => kind === 'client').map(({ name }) => name);
  }

  ring(ring: Ring): void {
    this.#metrics.epochs.inc();
    this.#push('RING', ring);
  }

  datasets(list: DatasetList): void {
    this.#push('DATASETS', list);
  }

  invalidate(invalidation: Invalidation): void {
    this.#metrics.changes.inc({ kind: 'entry' }, invalidation.entries.length);
    this.#metrics.changes.inc({ kind: 'inode' }, invalidation.inodes.length);
    this.#push('INVALIDATE', invalidation, 'client');
  }

  /** To one alone. */
  invalidateFor(connection: ServerConnection, invalidation: Invalidation): void {
    pushTo(connection, 'INVALIDATE', invalidation);
  }

  /** Encoded once for all. The transport drops who does not keep up. */
  #push(name: 'RING' | 'DATASETS' | 'INVALIDATE', body: unknown, only?: Subscriber['kind']): void {
    let encoded: Buffer | undefined;
    for (const [connection, { kind }] of this.#subscribers) {
      if (only !== undefined && kind !== only) continue;
      encoded ??= encodeBody(body);
      connection.push(OPCODES[name].wire, encoded);
    }
  }
}
