import { once } from 'node:events';
import { connect } from 'node:net';
import { crc32 } from 'node:zlib';
import { encodeHeader, HEADER_BYTES } from '@tidecache/protocol';
import type { Test } from 'tap';
import type { Address } from '../../src/api.js';
import { clientHandshake } from '../../src/client/handshake.js';
import { FrameParser } from '../../src/frame-parser.js';
import { SECRET } from './pair.js';

function frame(opcode: number, requestId: number, body: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  const common = { flags: 0, status: 0, deadlineMs: 60_000, payloadBytes: 0, payloadCrc: 0 };
  encodeHeader({ ...common, opcode, requestId, bodyBytes: body.length, bodyCrc: crc32(body) }, header);
  return Buffer.concat([header, body]);
}

export interface PausedPeer {
  /** The body of each is the last byte of its number, from 1. */
  ask(count: number): void;
  /** Ends the connection. */
  leave(): void;
  /** Asked, and not taken by the kernel. */
  readonly waitingBytes: number;
}

/** A client that proves the secret, then asks and never reads an answer. */
export async function pausedPeer(t: Test, address: Address): Promise<PausedPeer> {
  const socket = connect(address as { host: string; port: number });
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  const handshake = clientHandshake({ secret: SECRET, name: 'paused', where: 'there' });
  await new Promise<void>((resolve) => {
    const parser = new FrameParser(
      {
        paused: false,
        payloadTarget: () => undefined,
        payloadProgress: () => {},
        frame: (one) => {
          const answer = handshake.take(one);
          if (answer === true) resolve();
          else socket.write(frame(2, 2, answer));
        },
      },
      { maxBodyBytes: 1000, maxPayloadBytes: 0 },
    );
    socket.on('data', (chunk: Buffer) => parser.push(chunk));
    socket.write(frame(1, 1, handshake.hello));
  });
  socket.removeAllListeners('data');
  socket.pause();
  let lastId = 0;
  return {
    ask(count) {
      const one = () => frame(0x30, ++lastId, Buffer.of(lastId & 255));
      socket.write(Buffer.concat(Array.from({ length: count }, one)));
    },
    leave: () => socket.destroy(),
    get waitingBytes() {
      return socket.writableLength;
    },
  };
}
