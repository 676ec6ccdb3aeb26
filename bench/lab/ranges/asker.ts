/**
 * The process that asks a worker for ranges, as fast as it answers: `asker JSON`, an {@link Asking}. Prints replies
 * and seconds as JSON. Each connection keeps `depth` requests on their way.
 */
import { readFileSync } from 'node:fs';
import { encodeRead, type FileId, OPCODES, READ_WHOLE_BLOCK } from '@tidecache/protocol';
import { frame, rawConnection } from './raw-connection.js';

export interface Asking {
  readonly host: string;
  readonly port: number;
  readonly secretFile: string;
  /** Hex. */
  readonly fileId: string;
  readonly source: string;
  readonly fileBytes: number;
  readonly blockBytes: number;
  readonly rangeBytes: number;
  readonly connections: number;
  readonly depth: number;
  readonly seconds: number;
}

/** Different ranges that one request slot asks for in turn: together far more than a CPU's caches hold. */
const RANGES_PER_SLOT = 16;

const asking = JSON.parse(process.argv[2]!) as Asking;
const { rangeBytes, blockBytes, connections, depth } = asking;
const secret = readFileSync(asking.secretFile, 'utf8').trim();
const ranges = Math.floor(asking.fileBytes / rangeBytes);
let replies = 0;
let stopped = false;

/** Range `index` of the file, asked for under `requestId`. */
function requestFor(index: number, requestId: number): Buffer {
  const at = (index % ranges) * rangeBytes;
  const body = encodeRead({
    lease: 0,
    fileId: Buffer.from(asking.fileId, 'hex').toString('latin1') as FileId,
    blockIndex: Math.floor(at / blockBytes),
    offset: at % blockBytes,
    length: rangeBytes,
    flags: READ_WHOLE_BLOCK,
    source: Buffer.from(asking.source, 'hex'),
  });
  return frame(OPCODES.READ.wire, body, requestId);
}

/** A stride that is prime to most sizes spreads the slots over the file. */
const requests = Array.from({ length: depth }, (_, slot) =>
  Array.from({ length: RANGES_PER_SLOT }, (_, i) => requestFor((slot * RANGES_PER_SLOT + i) * 7, slot + 1)),
);
const sockets = await Promise.all(
  Array.from({ length: connections }, (_, offset) => {
    const turns = new Array<number>(depth).fill(offset);
    return rawConnection(asking, secret, ({ requestId }, socket) => {
      replies++;
      if (stopped) return;
      const slot = requestId - 1;
      turns[slot] = (turns[slot]! + 1) % RANGES_PER_SLOT;
      // Replies that came in one read are followed by one write.
      if (socket.writableCorked === 0) {
        socket.cork();
        process.nextTick(() => socket.uncork());
      }
      socket.write(requests[slot]![turns[slot]!]!);
    });
  }),
);
for (const socket of sockets) socket.on('error', fail);
for (const socket of sockets) socket.write(Buffer.concat(requests.map((slot) => slot[0]!)));
const startedAt = performance.now();
await new Promise((resolve) => setTimeout(resolve, asking.seconds * 1000));
stopped = true;
console.log(JSON.stringify({ replies, seconds: (performance.now() - startedAt) / 1000 }));
process.exit(0);

function fail(error: Error): void {
  console.error(error.message);
  process.exit(1);
}
