/** Peers whose sockets are in threads of their own: what they receive costs this thread's event loop nothing. */
import { Worker } from 'node:worker_threads';
import { TidecacheError } from '@tidecache/protocol';
import { checkAddress } from '../address.js';
import type { Peer } from '../api.js';
import type { PeerInit } from '../client/peer.js';
import { type Clock, realClock } from '../clock.js';
import { checkSecret } from '../handshake.js';
import { MAX_IO_THREADS } from '../limits.js';
import type { Thread } from './io-thread.js';
import type { ThreadData } from './messages.js';
import { ThreadSlot } from './thread-slot.js';
import { ThreadedPeer } from './threaded-peer.js';

export interface PeerThreadsInit {
  /** Up to MAX_IO_THREADS. Each is started with its first peer. */
  readonly threads: number;
  /** A thread ended by itself. What it was asked ended as UNREACHABLE; another one is started when it is needed. */
  readonly onThreadEnded?: (reason: TidecacheError) => void;
  /** What follows is for tests: time, chance and threads. */
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly start?: (data: ThreadData) => Thread;
}

/** What of a peer can be made in another thread: time and chance are that thread's. */
export type ThreadedPeerInit = Omit<PeerInit, 'clock' | 'random' | 'release'>;

export interface PeerThreads {
  /**
   * As `createPeer`, in the thread that has the fewest. Bytes arrive straight in an `into` of shared memory (a view of a
   * SharedArrayBuffer); any other is filled at the end of the reply, by a copy. No request may carry a payload.
   * A thread that ends takes all its peers' requests with it as UNREACHABLE, patient ones too.
   */
  createPeer(init: ThreadedPeerInit): Peer;
  /** Ends the threads. Close the peers before: what is under way ends as UNREACHABLE. */
  close(): Promise<void>;
}

/** Throws INVALID for a number of threads that can't be. */
export function createPeerThreads(init: PeerThreadsInit): PeerThreads {
  const { threads, clock = realClock, random = Math.random, start = startIoThread } = init;
  if (!Number.isInteger(threads) || threads < 1 || threads > MAX_IO_THREADS) {
    throw new TidecacheError('INVALID', `cannot use ${threads} I/O threads: 1 to ${MAX_IO_THREADS}`);
  }
  const onThreadEnded = init.onThreadEnded ?? (() => {});
  const slots = Array.from({ length: threads }, (_, ioThread) => {
    const name = `I/O thread ${ioThread}`;
    return new ThreadSlot({ name, clock, random, onThreadEnded, start: () => start({ ioThread }) });
  });
  return {
    createPeer({ address, secret, name, limits, events = {} }) {
      checkSecret(secret);
      checkAddress(address);
      return new ThreadedPeer(leastOf(slots), { address, secret, name, limits }, events);
    },
    async close() {
      await Promise.all(slots.map((slot) => slot.close()));
    },
  };
}

const leastOf = (slots: readonly ThreadSlot[]): ThreadSlot =>
  slots.reduce((least, slot) => (slot.peers < least.peers ? slot : least));

/** A real one. */
export const startIoThread = (workerData: ThreadData): Worker =>
  new Worker(new URL('./io-main.js', import.meta.url), {
    workerData,
    name: `I/O thread ${workerData.ioThread}`,
  });
