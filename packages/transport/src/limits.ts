/**
 * The transport's own limits, each with its unit. What both ends must agree on is in protocol's limits.ts.
 */
import {
  CONNECT_MS,
  HEADER_BYTES,
  KiB,
  LEASE_MS,
  MAX_PAYLOAD_BYTES,
  MAX_READ_BYTES,
  MiB,
  READ_DEADLINE_MS,
} from '@tidecache/protocol';

/** One read of headers, bodies and small payloads. Several frames fit. A server has one for all its connections. */
export const SCRATCH_BYTES = 64 * KiB;
/** What a server holds of requests that are not parsed yet, past which it stops reading. One read more may come. */
export const HELD_BYTES = 64 * KiB;
/** A payload's rest of at least this is received straight into its destination; less is copied. */
export const DIRECT_BYTES = 16 * KiB;
/** Handed to the kernel by one writev, unless a single frame is longer. Its end is the sign of a living reader. */
export const BATCH_BYTES = 512 * KiB;
/** A body up to this is copied beside its header, so that a small frame is one chunk. */
export const INLINE_BODY_BYTES = 4 * KiB;
/** Headers and small bodies of one batch. */
export const BATCH_HEAD_BYTES = 64 * KiB;
/** A hello or a proof. Nothing longer is read from a peer that has not proved the secret. */
export const MAX_HANDSHAKE_BODY_BYTES = 1 * KiB;
/** Texts within a hello, in UTF-8 bytes. */
export const MAX_HELLO_NAME_BYTES = 256;
export const MAX_HELLO_RELEASE_BYTES = 64;
/** Slots of the timer wheel, and the time between two of them. A deadline may end this much late. */
export const WHEEL_SLOTS = 512;
export const WHEEL_TICK_MS = 10;
/** The longest deadline that a server believes. */
export const MAX_DEADLINE_MS = 10 * 60_000;
/**
 * A cancelled request whose payload is being received straight into the caller's buffer settles when its next bytes
 * come (the socket already holds that buffer), or after this, by ending the connection.
 */
export const STUCK_PAYLOAD_MS = 200;
/** TCP's own probes, for a peer whose machine vanished while nothing was in flight. */
export const KEEP_ALIVE_MS = 10_000;

/** I/O threads of one process. */
export const MAX_IO_THREADS = 16;
/** Requests that one I/O thread was asked and has not answered; more end as BUSY. */
export const MAX_THREAD_REQUESTS = 65_536;
/** Shared buffers that one I/O thread keeps in sight. More are as if they were not shared: their bytes are copied. */
export const MAX_SHARED_BUFFERS = 65_536;
/** How often an I/O thread that is waited for is asked for a sign of life, and how often in vain before it is ended. */
export const THREAD_LOOK_MS = 1_000;
export const THREAD_SILENT_LOOKS = 8;
/** An I/O thread is waited for this long when it is ended. */
export const THREAD_CLOSE_MS = 2_000;

export interface PeerLimits {
  /** Dialling and the handshake. */
  connectMs: number;
  /** Bytes of `into` over all requests on the wire; one request alone may be larger. More requests wait. */
  inFlightBytes: number;
  /** Requests on the wire. More wait. */
  inFlightRequests: number;
  /** Requests waiting their turn, or for a connection. More end as BUSY. */
  waitingRequests: number;
  /** A reply's payload when the request gave no `into`. */
  replyBytes: number;
  /** Silence after which a connection with something to wait for is asked for a sign of life. */
  pingAfterMs: number;
  /** Silence after that sign was asked for which ends the connection. */
  deadAfterMs: number;
  /** The pause after the first failed dial; it doubles up to the longest. Each is drawn from its upper half. */
  backoffMinMs: number;
  backoffMaxMs: number;
}

export const PEER_LIMITS: Readonly<PeerLimits> = {
  connectMs: CONNECT_MS,
  inFlightBytes: 64 * MiB,
  inFlightRequests: 1024,
  waitingRequests: 16_384,
  replyBytes: 16 * MiB,
  pingAfterMs: 1_000,
  deadAfterMs: 1_500,
  backoffMinMs: 50,
  backoffMaxMs: 2_000,
};

export interface ServerLimits {
  /** The handshake, from the accepted connection to the proof. */
  connectMs: number;
  /** Connections in all; one more is closed at once. */
  connections: number;
  /** Connections that have not proved the secret yet; one more is closed at once. */
  handshakes: number;
  /** Requests of one connection being served. More stay in its socket. */
  exchanges: number;
  /** Reply bytes of one connection that are not sent yet, past which its requests stay in its socket. */
  queuedBytes: number;
  /** Pushed bytes not sent yet, past which the connection is dropped: its client would act on stale news. */
  queuedPushBytes: number;
  /** A client that takes no bytes for this long, while there are some for it, is dropped. */
  drainMs: number;
  /** The payload of one request. */
  requestPayloadBytes: number;
  /** What `close` grants requests in flight when its caller does not say. */
  closeGraceMs: number;
}

export const SERVER_LIMITS: Readonly<ServerLimits> = {
  connectMs: CONNECT_MS,
  connections: 8_192,
  handshakes: 1_024,
  exchanges: 1_024,
  queuedBytes: 32 * MiB,
  queuedPushBytes: 32 * MiB,
  drainMs: 15_000,
  requestPayloadBytes: MAX_PAYLOAD_BYTES,
  closeGraceMs: 2_000,
};

const relations: [boolean, string][] = [
  [DIRECT_BYTES <= SCRATCH_BYTES, 'a payload not received directly fits one scratch read'],
  [
    HEADER_BYTES + INLINE_BODY_BYTES <= BATCH_HEAD_BYTES,
    'the longest header with its inline body fits a batch',
  ],
  [MAX_HANDSHAKE_BODY_BYTES > 40 + MAX_HELLO_NAME_BYTES + MAX_HELLO_RELEASE_BYTES, 'a hello fits its limit'],
  [PEER_LIMITS.inFlightBytes >= MAX_READ_BYTES, 'the longest read fits in flight'],
  [
    PEER_LIMITS.pingAfterMs + PEER_LIMITS.deadAfterMs <= LEASE_MS,
    'a dead peer is found before its lease ends',
  ],
  [PEER_LIMITS.backoffMaxMs < LEASE_MS, 'a worker dials its master again within its lease'],
  [
    MAX_THREAD_REQUESTS > PEER_LIMITS.inFlightRequests + PEER_LIMITS.waitingRequests,
    'a peer in a thread may have as much to do as any',
  ],
  [
    THREAD_LOOK_MS * THREAD_SILENT_LOOKS < READ_DEADLINE_MS / 2,
    'a stuck thread leaves a read time for another way',
  ],
  [SERVER_LIMITS.queuedBytes >= MAX_PAYLOAD_BYTES, 'a full frame fits a queue'],
];
for (const [holds, relation] of relations) {
  if (!holds) throw new Error(`transport limits: it does not hold that ${relation}`);
}
