/**
 * A connection to a worker that does as little as can be done: requests encoded beforehand, replies received into one
 * buffer for all and thrown away, only their headers looked at. What it asks for costs the worker what it always does;
 * the asker itself must not be what is measured. docs/PROTOCOL.md has the handshake.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import {
  decodeHeader,
  encodeHeader,
  FLAG_MORE,
  FRAME_VERSION,
  HEADER_BYTES,
  OPCODES,
  RELEASE,
} from '@tidecache/protocol';

const RECEIVE_BYTES = 256 << 10;
const DEADLINE_MS = 30_000;
/** One for all connections: nobody looks at what is in it once the callback has returned. */
const received = Buffer.alloc(RECEIVE_BYTES);

export function frame(opcode: number, body: Uint8Array, requestId: number): Buffer {
  const out = Buffer.alloc(HEADER_BYTES + body.length);
  const lengths = { bodyBytes: body.length, payloadBytes: 0, bodyCrc: crc32(body), payloadCrc: 0 };
  encodeHeader({ flags: 0, opcode, status: 0, requestId, deadlineMs: DEADLINE_MS, ...lengths }, out);
  out.set(body, HEADER_BYTES);
  return out;
}

export interface RawReply {
  readonly requestId: number;
  readonly opcode: number;
  /** Of handshake frames; replies of READ have none. */
  readonly body: Buffer;
}

/** Splits what comes into replies, whose payloads are skipped. Throws on a failure. */
class Skipper {
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #held = 0;
  #body = Buffer.alloc(0);
  #bodyLeft = 0;
  #payloadLeft = 0;
  #current: { requestId: number; opcode: number; more: boolean } | undefined;

  constructor(readonly onReply: (reply: RawReply) => void) {}

  take(bytes: Buffer): void {
    for (let at = 0; at < bytes.length || this.#done(); ) {
      if (this.#done()) this.#finish();
      else if (this.#current === undefined) at += this.#takeHeader(bytes, at);
      else if (this.#bodyLeft > 0) {
        const part = bytes.subarray(at, at + this.#bodyLeft);
        this.#body = Buffer.concat([this.#body, part]);
        this.#bodyLeft -= part.length;
        at += part.length;
      } else {
        const skipped = Math.min(this.#payloadLeft, bytes.length - at);
        this.#payloadLeft -= skipped;
        at += skipped;
      }
    }
  }

  #takeHeader(bytes: Buffer, at: number): number {
    const copied = bytes.copy(this.#header, this.#held, at, at + HEADER_BYTES - this.#held);
    this.#held += copied;
    if (this.#held < HEADER_BYTES) return copied;
    const header = decodeHeader(this.#header);
    if (header.status !== 0) throw new Error(`the worker answered with status ${header.status}`);
    this.#held = 0;
    this.#current = {
      requestId: header.requestId,
      opcode: header.opcode,
      more: (header.flags & FLAG_MORE) !== 0,
    };
    this.#bodyLeft = header.bodyBytes;
    this.#payloadLeft = header.payloadBytes;
    return copied;
  }

  #done(): boolean {
    return this.#current !== undefined && this.#bodyLeft === 0 && this.#payloadLeft === 0;
  }

  #finish(): void {
    const { requestId, opcode, more } = this.#current!;
    const body = this.#body;
    this.#current = undefined;
    this.#body = Buffer.alloc(0);
    if (!more) this.onReply({ requestId, opcode, body });
  }
}

export async function rawConnection(
  address: { readonly host: string; readonly port: number },
  secret: string,
  onReply: (reply: RawReply, socket: Socket) => void,
): Promise<Socket> {
  let shaking: ((reply: RawReply) => void) | undefined;
  const skipper = new Skipper((reply) => (shaking ? shaking(reply) : onReply(reply, socket)));
  const socket = connect({
    ...address,
    noDelay: true,
    onread: {
      buffer: received,
      callback: (bytes) => {
        try {
          skipper.take(received.subarray(0, bytes));
        } catch (thrown) {
          socket.destroy(thrown as Error);
        }
        return true;
      },
    },
  });
  await once(socket, 'connect');
  const next = () =>
    new Promise<Buffer>((resolve, reject) => {
      shaking = ({ body }) => resolve(body);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('the worker closed the connection')));
    });
  const hello = Buffer.concat([
    Buffer.of(FRAME_VERSION),
    randomBytes(32),
    Buffer.of(RELEASE.length),
    Buffer.from(RELEASE),
    Buffer.of(3, 0),
    Buffer.from('raw'),
  ]);
  let answer = next();
  socket.write(frame(OPCODES.HELLO.wire, hello, 1));
  const theirs = await answer;
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32LE(hello.length, 0);
  lengths.writeUInt32LE(theirs.length, 4);
  const proof = createHmac('sha256', secret).update('tidecache-handshake-v1:client:').update(lengths);
  answer = next();
  socket.write(frame(OPCODES.PROOF.wire, proof.update(hello).update(theirs).digest(), 2));
  await answer;
  shaking = undefined;
  return socket;
}
