/** The client's side of the handshake, as a machine without a socket. See ../handshake.ts. */
import {
  decodeBody,
  ErrorBody,
  errorCodeOf,
  FLAG_REPLY,
  type FrameHeader,
  OPCODES,
  TidecacheError,
} from '@tidecache/protocol';
import type { Frame } from '../frame-parser.js';
import {
  createHello,
  createProof,
  decodeHello,
  encodeHello,
  type Hello,
  proofAgrees,
  releaseConflict,
  wrongSecret,
} from '../handshake.js';

export interface ClientHandshake {
  /** The first body to send, under HELLO. */
  readonly hello: Buffer;
  /** Takes a frame; answers the proof to send, or true when the server has proved itself. Throws what is wrong. */
  take(frame: Frame): Buffer | true;
}

export function clientHandshake(init: {
  secret: string;
  name: string;
  where: string;
  release?: string | undefined;
}): ClientHandshake {
  const { secret, where } = init;
  const mine = createHello(init.name, init.release);
  const hello = encodeHello(mine);
  let theirs: { hello: Hello; bytes: Buffer } | undefined;

  function takeHello(frame: Frame): Buffer {
    const bytes = Buffer.from(frame.body);
    theirs = { hello: decodeHello(bytes), bytes };
    const conflict = releaseConflict(mine.release, theirs.hello.release, `${theirs.hello.name} at ${where}`);
    if (conflict) throw conflict;
    return createProof(secret, 'client', hello, bytes);
  }

  function takeProof(frame: Frame, serverHello: Buffer): true {
    if (!proofAgrees(createProof(secret, 'server', hello, serverHello), frame.body)) throw wrongSecret(where);
    return true;
  }

  return {
    hello,
    take(frame) {
      refuseFault(frame, where);
      refuseStatus(frame.header, frame.body, where);
      const wanted = theirs === undefined ? OPCODES.HELLO.wire : OPCODES.PROOF.wire;
      if (frame.header.opcode !== wanted || frame.header.flags !== FLAG_REPLY) {
        throw new TidecacheError('PROTOCOL', `${where} broke the handshake: is it a Tidecache server?`);
      }
      return theirs === undefined ? takeHello(frame) : takeProof(frame, theirs.bytes);
    },
  };
}

function refuseFault(frame: Frame, where: string): void {
  if (frame.fault) throw new TidecacheError('PROTOCOL', `${where}: checksum of the handshake differs`);
}

function refuseStatus(header: FrameHeader, body: Buffer, where: string): void {
  if (header.status === 0) return;
  const { message } = decodeBody(ErrorBody, body, 'refusal');
  throw new TidecacheError(errorCodeOf(header.status), `${where} refused this side: ${message}`);
}
