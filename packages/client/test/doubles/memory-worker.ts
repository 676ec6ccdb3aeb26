/** A worker that has everything in memory, behind the real transport: every file is the same noise over and over. */
import { crc32 } from 'node:zlib';
import {
  decodeRead,
  decodeSource,
  MiB,
  OPCODES,
  type RingMember,
  type Source,
  TidecacheError,
} from '@tidecache/protocol';
import { type Address, type Exchange, hostId, listen, type Server } from '@tidecache/transport';
import { contentOf } from './content.js';

const MEMORY_BYTES = 64 * MiB;

export interface MemoryWorker {
  readonly member: RingMember;
  readonly server: Server;
  readonly reads: { value: number };
}

export type Intercept = (exchange: Exchange, source: Source, from: number, length: number) => boolean;

export interface MemoryWorkerInit {
  readonly id: string;
  readonly secret: string;
  readonly unixPath?: string;
  /** Told of each read before it is answered; answers it itself by returning true. */
  readonly intercept?: Intercept;
  /** Serve real content, checked by tests; else noise with known checksums, for measuring. */
  readonly content: boolean;
}

const empty = Buffer.alloc(0);

export async function startMemoryWorker(init: MemoryWorkerInit): Promise<MemoryWorker> {
  const memory = Buffer.alloc(init.content ? 0 : MEMORY_BYTES);
  for (let i = 0; i < memory.length; i += 4) memory.writeUInt32LE((i * 2654435761) >>> 0, i);
  const crcs = new Map<string, number>();
  const reads = { value: 0 };

  function serveNoise(exchange: Exchange, from: number, length: number): void {
    const at = from % MEMORY_BYTES;
    const part = memory.subarray(at, Math.min(at + length, MEMORY_BYTES));
    const key = `${at}+${part.length}`;
    let crc = crcs.get(key);
    if (crc === undefined) {
      crc = crc32(part);
      crcs.set(key, crc);
    }
    exchange.reply(empty, { parts: [part], crc });
  }

  const handler = (exchange: Exchange): void => {
    if (exchange.opcode !== OPCODES.READ.wire) {
      exchange.fail(new TidecacheError('UNSUPPORTED', 'only READ'));
      return;
    }
    reads.value++;
    const request = decodeRead(exchange.body);
    if (!init.content && !init.intercept) {
      serveNoise(exchange, request.blockIndex * 4 * MiB + request.offset, request.length);
      return;
    }
    const source = decodeSource(request.source, request.fileId);
    const from = request.blockIndex * source.blockBytes + request.offset;
    if (init.intercept?.(exchange, source, from, request.length)) return;
    exchange.reply(empty, { parts: [contentOf(source.version, from, from + request.length)] });
  };
  const addresses: Address[] = [{ host: '127.0.0.1', port: 0 }];
  if (init.unixPath) addresses.push({ unixPath: init.unixPath });
  const server = await listen({ addresses, secret: init.secret, name: init.id, handler });
  const tcp = server.addresses.find((address) => 'port' in address);
  if (!tcp || !('port' in tcp)) throw new Error('no TCP address');
  const member = {
    id: init.id,
    host: tcp.host,
    port: tcp.port,
    hostId: hostId(),
    weight: 1,
    ...(init.unixPath && { unixPath: init.unixPath }),
  };
  return { member, server, reads };
}
