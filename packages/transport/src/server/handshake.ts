/** The server's side of the handshake, as a machine without a socket. See ../handshake.ts. */
import { OPCODES, TidecacheError } from '@tidecache/protocol';
import type { Frame } from '../frame-parser.js';
import {
  createHello,
  createProof,
  decodeHello,
  encodeHello,
  proofAgrees,
  releaseConflict,
  wrongSecret,
} from '../handshake.js';

export interface ServerHandshake {
  /** The client's name, once it said it. */
  readonly clientName: string | undefined;
  /** Takes a frame; answers the body to reply, and whether the client has now proved itself. Throws what is wrong. */
  take(frame: Frame): { reply: Buffer; proved: boolean };
}

export function serverHandshake(init: {
  secret: string;
  name: string;
  where: string;
  release?: string | undefined;
}): ServerHandshake {
  const { secret } = init;
  const mine = createHello(init.name, init.release);
  const serverHello = encodeHello(mine);
  let clientHello: Buffer | undefined;
  let clientName: string | undefined;

  function takeHello(frame: Frame): { reply: Buffer; proved: boolean } {
    clientHello = Buffer.from(frame.body);
    const theirs = decodeHello(clientHello);
    clientName = theirs.name;
    const conflict = releaseConflict(mine.release, theirs.release, `${theirs.name} at ${init.where}`);
    if (conflict) throw conflict;
    return { reply: serverHello, proved: false };
  }

  function takeProof(frame: Frame, hello: Buffer): { reply: Buffer; proved: boolean } {
    const expected = createProof(secret, 'client', hello, serverHello);
    if (!proofAgrees(expected, frame.body)) throw wrongSecret(`${clientName} at ${init.where}`);
    return { reply: createProof(secret, 'server', hello, serverHello), proved: true };
  }

  return {
    get clientName() {
      return clientName;
    },
    take(frame) {
      const wanted = clientHello === undefined ? OPCODES.HELLO.wire : OPCODES.PROOF.wire;
      if (frame.fault || frame.header.opcode !== wanted || frame.header.flags !== 0) {
        throw new TidecacheError('PROTOCOL', `${init.where} broke the handshake`);
      }
      return clientHello === undefined ? takeHello(frame) : takeProof(frame, clientHello);
    },
  };
}
