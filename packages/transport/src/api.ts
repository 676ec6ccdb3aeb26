/**
 * The transport's contract: requests with deadlines over TCP or a Unix-domain socket. It knows frames and opcodes,
 * and nothing of what they are about.
 */
import type { TidecacheError } from '@tidecache/protocol';

/** Where a server listens or is reached. */
export type Address = { readonly host: string; readonly port: number } | { readonly unixPath: string };

export interface RequestOptions {
  /** For the whole request, connecting included. Ends as TIMEOUT. */
  readonly deadlineMs: number;
  /**
   * The longest silence before the first byte of the reply and between its parts, when that is to be shorter than
   * the deadline. Bytes for requests sent before this one on the connection break it too: this one stands in line
   * behind them. Ends as TIMEOUT.
   */
  readonly silenceMs?: number;
  /** Sent as it is, without copying: must not change until the request settles. */
  readonly payload?: readonly Uint8Array[];
  /** The reply's payload is received straight into it, frame after frame. Longer replies end as PROTOCOL. */
  readonly into?: Uint8Array;
  /** `bytes` from the start of `into` have arrived and their checksums agree. Called once per frame. */
  readonly onProgress?: (bytes: number) => void;
  /**
   * For requests that may be asked twice: while there is no connection, wait for one within the deadline rather than
   * end as UNREACHABLE, and ask again when it breaks. So a call outlives a restart of the server.
   */
  readonly patient?: boolean;
  /** Ends as CANCELLED; the peer is told. `into` is not written to after the promise settles. */
  readonly signal?: AbortSignal;
}

export interface Reply {
  readonly body: Buffer;
  /** Bytes received: into `into`, or into `payload`. */
  readonly payloadBytes: number;
  /** The payload, when the request gave no `into`. */
  readonly payload?: Buffer;
}

/** One server, as seen from who asks: connects on first use, reconnects with back-off and jitter. */
export interface Peer {
  readonly address: Address;
  /** True while a handshaken connection is up. */
  readonly connected: boolean;
  /** Bytes that replies in flight may still bring, by their `into`. */
  readonly inFlightBytes: number;
  /**
   * Rejects with a TidecacheError: the peer's own (its code and message), TIMEOUT, UNREACHABLE (no connection, or it
   * broke while waiting), CORRUPT (checksum), ACCESS_DENIED (wrong secret), BUSY (over the in-flight bound here).
   */
  request(opcode: number, body: Uint8Array, options: RequestOptions): Promise<Reply>;
  /**
   * A message without a reply, after all requests that were sent before it. False without a connection: then nobody
   * is told.
   */
  tell(opcode: number, body: Uint8Array): boolean;
  /** Dials now rather than at the first request, and keeps on dialling until `close`. */
  keepConnected(): void;
  close(): Promise<void>;
}

export interface PeerEvents {
  onConnected?(): void;
  onDisconnected?(reason: TidecacheError): void;
  /** A push. `body` is the handler's own. */
  onPush?(opcode: number, body: Buffer): void;
}

/** One accepted, authenticated connection, as seen from the server. */
export interface ServerConnection {
  /** The client's address and the name it gave: `worker-3 at 10.0.0.7:51234`. */
  readonly remote: string;
  /** Queues a push; drops the connection when the client takes none for too long. */
  push(opcode: number, body: Uint8Array): void;
  /** Called once, when the connection has ended. */
  onClose(listener: () => void): void;
  /**
   * The client looks at memory of this process until it closes the connection: from now on `destroy` only falls
   * silent, which makes the client end it, and `onClose` runs when it has. A server that closes does not wait for that.
   */
  linger(): void;
  destroy(): void;
}

/** One request being served. Exactly one final reply or failure; replies with `more` may go before it. */
export interface Exchange {
  readonly opcode: number;
  /** Valid until the handler's first await or its return, whichever is first: copy what must live longer. */
  readonly body: Buffer;
  readonly payload: Buffer;
  /** Milliseconds since 1970 by this side's clock, as Date.now(). */
  readonly deadlineAt: number;
  /** True once the client cancelled, its deadline passed, or its connection ended: nobody waits any more. */
  readonly abandoned: boolean;
  /** Runs when `abandoned` becomes true; not after the final reply. */
  onAbandoned(listener: () => void): void;
  readonly connection: ServerConnection;
  /**
   * `payload` is sent without copying: it must not change until `onSent`, which runs exactly once, also when the
   * connection breaks. `payloadCrc` is the CRC-32 of all its parts joined, when it is known already. `body` is kept for
   * as long, so it can't be the request's own.
   */
  reply(body: Uint8Array, payload?: ReplyPayload, options?: { more?: boolean }): void;
  fail(error: TidecacheError): void;
}

export interface ReplyPayload {
  readonly parts: readonly Uint8Array[];
  readonly crc?: number;
  readonly onSent?: () => void;
}

export interface Server {
  /** Where it really listens: port 0 is resolved. */
  readonly addresses: readonly Address[];
  /** Stops accepting, lets requests in flight end for at most `graceMs`, closes. */
  close(graceMs?: number): Promise<void>;
}
