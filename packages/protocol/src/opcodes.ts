/**
 * The one table of operations: a number, who may send it, and the shapes on both ways.
 */
import type { z } from 'zod';
import * as m from './messages.js';

interface OpcodeRow {
  readonly wire: number;
  /** Null: a fixed binary body with a codec of its own (READ: read.ts; RELEASE: mapped.ts; LEND: lend.ts; HELLO, PROOF: the transport's handshake). */
  readonly request: z.ZodType | null;
  readonly reply: z.ZodType | null;
}

export const OPCODES = {
  // transport: any connection
  HELLO: { wire: 0x01, request: null, reply: null },
  PROOF: { wire: 0x02, request: null, reply: null },
  PING: { wire: 0x03, request: m.Nothing, reply: m.Nothing },
  // client → master
  ATTACH: { wire: 0x10, request: m.AttachRequest, reply: m.AttachReply },
  LOOKUP: { wire: 0x11, request: m.LookupRequest, reply: m.LookupReply },
  GETATTR: { wire: 0x12, request: m.GetattrRequest, reply: m.GetattrReply },
  READDIR: { wire: 0x13, request: m.ReaddirRequest, reply: m.ReaddirReply },
  OPEN: { wire: 0x14, request: m.OpenRequest, reply: m.OpenReply },
  STALE: { wire: 0x15, request: m.StaleRequest, reply: m.Nothing },
  // worker → master
  REGISTER: { wire: 0x20, request: m.RegisterRequest, reply: m.RegisterReply },
  HEARTBEAT: { wire: 0x21, request: m.HeartbeatRequest, reply: m.HeartbeatReply },
  LEAVE: { wire: 0x22, request: m.LeaveRequest, reply: m.Nothing },
  // client → worker
  READ: { wire: 0x30, request: null, reply: null },
  MAP: { wire: 0x31, request: m.Nothing, reply: m.SharedMemory },
  // client → worker, told: without a reply
  RELEASE: { wire: 0x32, request: null, reply: null },
  // client → worker
  LEND: { wire: 0x33, request: null, reply: null },
  // master → client, master → worker, pushed: `request` is the push's shape
  RING: { wire: 0x40, request: m.Ring, reply: m.Nothing },
  DATASETS: { wire: 0x41, request: m.DatasetList, reply: m.Nothing },
  INVALIDATE: { wire: 0x42, request: m.Invalidation, reply: m.Nothing },
} as const satisfies Record<string, OpcodeRow>;

export type OpcodeName = keyof typeof OPCODES;
type Shape<S> = S extends z.ZodType ? z.infer<S> : never;
export type RequestOf<N extends OpcodeName> = Shape<(typeof OPCODES)[N]['request']>;
export type ReplyOf<N extends OpcodeName> = Shape<(typeof OPCODES)[N]['reply']>;

const names = new Map<number, OpcodeName>(
  Object.entries(OPCODES).map(([name, row]) => [row.wire, name as OpcodeName]),
);

/** The name of a number from the wire; undefined for an unknown one. */
export const opcodeName = (wire: number): OpcodeName | undefined => names.get(wire);
