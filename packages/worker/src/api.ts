import type { WorkerStats } from '@tidecache/protocol';
import type { Clock } from '@tidecache/transport';
import type { Limits } from './limits.js';
import type { Logger } from './logger.js';
import type { OpenOrigin } from './origins.js';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface WorkerInit {
  /** Kept across restarts where it can be; a random one without. */
  readonly id?: string | undefined;
  readonly master: HostPort;
  /** Port 0 takes any free one. */
  readonly listen: HostPort;
  /** A Unix-domain socket too, for clients on the same host. */
  readonly unixPath?: string | undefined;
  /**
   * A tmpfs directory for the blocks' memory, which clients of the Unix-domain socket then map instead of having
   * bytes sent. Where it can't be used, the memory is the process's own, as without it.
   */
  readonly sharedMemoryDir?: string | undefined;
  /** What clients dial; the listening host without it, or this host's address towards the master when that is any. */
  readonly advertiseHost?: string | undefined;
  /**
   * Event loops that serve blocks: one in this thread (1, the default), or several in threads of their own, with equal
   * shares of the memory. Then there is no `openOrigin`.
   */
  readonly threads?: number | undefined;
  /** Where threads after the first listen: this port and those after it; any free ones without. */
  readonly threadPort?: number | undefined;
  /** For blocks. The process takes 15 % and 100 MB more at most, and 40 MB for each thread. */
  readonly memoryBytes: number;
  readonly secret: string;
  /** Where /healthz, /readyz and /metrics are served; nowhere without. */
  readonly http?: HostPort | undefined;
  readonly logger?: Logger | undefined;
  /** Milliseconds since 1970, told to the master: signed requests to origins fail when clocks differ. */
  readonly now?: (() => number) | undefined;
  readonly openOrigin?: OpenOrigin | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** How long to wait for a master that does not answer yet. */
  readonly startDeadlineMs?: number | undefined;
  /** Drives heartbeats, retries and the scrub. */
  readonly clock?: Clock | undefined;
}

export interface Worker {
  readonly id: string;
  /** What clients dial: the first of {@link addresses}. */
  readonly address: HostPort;
  /** One for each of its threads. */
  readonly addresses: readonly HostPort[];
  readonly http?: HostPort;
  stats(): WorkerStats;
  /** Rejects when one of its threads died: the worker must be closed. Never resolves. */
  readonly failed: Promise<never>;
  /** Leaves the ring, lets requests in flight end for a moment, and frees everything. */
  close(): Promise<void>;
}
