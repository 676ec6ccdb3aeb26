/**
 * What the two sides of an I/O thread tell each other. A message is a kind, numbers in the order given here, and bytes.
 * The bytes of bulk payloads are never among them: they arrive in memory that both sides see.
 */
import type { Address } from '../api.js';
import type { PeerLimits } from '../limits.js';

/** To the thread. */
export const TO_IO = {
  /** peer. Bytes: {@link PeerData} as JSON. */
  open: 1,
  /**
   * peer, request, opcode, flags, deadlineMs, silenceMs (0: none), memory, offset in it, length. Bytes: the body.
   * `memory` counts the shared buffers in the order of their introduction, or is {@link NO_MEMORY}, {@link OWN_MEMORY}.
   */
  request: 2,
  /** request */
  cancel: 3,
  /** peer, opcode. Bytes: the body. */
  tell: 4,
  /** peer: keep it connected. */
  keep: 5,
  /** peer */
  close: 6,
  /** To be answered by `pong`. */
  ping: 7,
} as const;

/** From the thread. */
export const FROM_IO = {
  /** peer: connected. */
  up: 1,
  /** peer, the error's code. Bytes: its message. */
  down: 2,
  /** peer, opcode. Bytes: the body. */
  push: 3,
  /** request, verified bytes from the start of its memory. */
  progress: 4,
  /** request, payload bytes, body bytes. Bytes: the body; behind it the payload, unless that is in shared memory. */
  reply: 5,
  /** request, the error's code. Bytes: its message. Its memory is not written to any more. */
  fail: 6,
  /** peer: its requests have been failed. */
  closed: 7,
  pong: 8,
} as const;

export const FLAG_PATIENT = 1;
export const FLAG_CANCELLABLE = 2;

/** The request has no `into`. */
export const NO_MEMORY = -1;
/** The request has an `into` that the thread can't see: it receives into memory of its own, and sends that. */
export const OWN_MEMORY = -2;

/** What a peer is made from, of what can cross. */
export interface PeerData {
  readonly address: Address;
  readonly secret: string;
  readonly name: string;
  readonly limits?: Partial<PeerLimits> | undefined;
}

export interface ThreadData {
  /** Which I/O thread it is, from 0. */
  readonly ioThread: number;
}
