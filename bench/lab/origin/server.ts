/**
 * The process behind {@link startOrigin}: `server SPEC`. HTTP/1.1 spoken on the socket itself, bodies sent from one
 * buffer made at the start: about 0.2 CPU s/GB, so that what reads from it is measured and not it. It checks no
 * signatures, takes no writes and serves one bucket under whatever name. `GET /-/stats` answers {@link OriginStats};
 * `?reset` starts them anew.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createListing } from './listing.js';
import { type OriginSpec, sizesOf } from './spec.js';

/** More than a CPU's caches hold, and no multiple of a block: neighbouring blocks differ. */
const POOL_BYTES = (64 << 20) + 4096 + 1;
const MAX_HEAD_BYTES = 64 << 10;
/** What a connection of limited speed sends at once. */
const PIECE_BYTES = 128 << 10;
const MODIFIED = 'Fri, 02 Jan 2026 03:04:05 GMT';

const spec = JSON.parse(process.argv[2]!) as OriginSpec;
const sizes = sizesOf(spec.objects);
const list = createListing(sizes);
const pool = randomBytes(POOL_BYTES);
const etagOf = (key: string) => createHash('md5').update(key).digest('hex');
const fresh = () => ({ gets: 0, heads: 0, lists: 0, bytesSent: 0, maxInFlight: 0 });
let stats = fresh();
let inFlight = 0;

interface Answer {
  readonly status: string;
  readonly headers?: string;
  readonly length: number;
  readonly parts?: readonly Uint8Array[];
}

function answerTo(method: string, target: string, head: string): Answer {
  const [path, search = ''] = target.split('?', 2) as [string, string?];
  const query = new URLSearchParams(search);
  if (path === '/-/stats') {
    const answer = text(JSON.stringify(stats));
    if (query.has('reset')) stats = fresh();
    return answer;
  }
  const key = decodeURIComponent(path.split('/').slice(2).join('/'));
  if (key === '') {
    if (method === 'GET') stats.lists++;
    return method === 'GET' ? text(list(query, etagOf)) : { status: '200 OK', length: 0 };
  }
  const size = sizes.get(key);
  if (size === undefined) return text('<Error><Code>NoSuchKey</Code></Error>', '404 Not Found');
  const facts = `ETag: "${etagOf(key)}"\r\nLast-Modified: ${MODIFIED}\r\nAccept-Ranges: bytes\r\n`;
  if (method === 'HEAD') {
    stats.heads++;
    return { status: '200 OK', headers: facts, length: size };
  }
  stats.gets++;
  const range = /\r\nrange: bytes=(\d+)-(\d*)/i.exec(head);
  if (!range) return { status: '200 OK', headers: facts, length: size, parts: bytesOf(key, 0, size) };
  const start = Number(range[1]);
  const end = Math.min(size, range[2] === '' ? size : Number(range[2]) + 1);
  const headers = `${facts}Content-Range: bytes ${start}-${end - 1}/${size}\r\n`;
  return { status: '206 Partial Content', headers, length: end - start, parts: bytesOf(key, start, end) };
}

const text = (body: string, status = '200 OK'): Answer => {
  const bytes = Buffer.from(body);
  return { status, headers: 'Content-Type: application/xml\r\n', length: bytes.length, parts: [bytes] };
};

/** The object's bytes, as slices of the pool; each key begins elsewhere in it. */
function bytesOf(key: string, start: number, end: number): Uint8Array[] {
  const shift = createHash('md5').update(key).digest().readUInt32LE(0);
  const parts: Uint8Array[] = [];
  for (let at = start; at < end; ) {
    const from = (at + shift) % POOL_BYTES;
    const bytes = Math.min(end - at, POOL_BYTES - from);
    parts.push(pool.subarray(from, from + bytes));
    at += bytes;
  }
  return parts;
}

function serve(socket: Socket): void {
  let head = '';
  let last = Promise.resolve();
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    head += chunk.toString('latin1');
    for (let end = head.indexOf('\r\n\r\n'); end >= 0; end = head.indexOf('\r\n\r\n')) {
      const one = head.slice(0, end + 2);
      head = head.slice(end + 4);
      last = last.then(() => reply(socket, one)).catch(() => void socket.destroy());
    }
    if (head.length > MAX_HEAD_BYTES) socket.destroy();
  });
}

/** Resolves when the connection may answer the next: with a limited speed that is later than the last byte was sent. */
async function reply(socket: Socket, head: string): Promise<void> {
  let freeAt = 0;
  const [method = '', target = ''] = head.split(' ', 2);
  const counted = method === 'GET' && !target.startsWith('/-/');
  if (counted) stats.maxInFlight = Math.max(stats.maxInFlight, ++inFlight);
  try {
    if (counted && spec.latencyMs) await new Promise((resolve) => setTimeout(resolve, spec.latencyMs));
    const { status, headers = '', length, parts = [] } = answerTo(method, target, head);
    const lead = Buffer.from(`HTTP/1.1 ${status}\r\n${headers}Content-Length: ${length}\r\n\r\n`);
    if (method === 'HEAD') return void socket.write(lead);
    if (counted) stats.bytesSent += length;
    const rate = counted ? spec.connectionBytesPerSecond : undefined;
    if (rate === undefined) await send(socket, [lead, ...parts]);
    else freeAt = await trickle(socket, lead, parts, rate);
  } finally {
    if (counted) inFlight--;
  }
  await until(freeAt);
}

async function until(time: number): Promise<void> {
  const wait = time - performance.now();
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
}

/** In one system call where the socket takes it; settles when it took all. */
function send(socket: Socket, parts: readonly Uint8Array[]): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.cork();
    for (const part of parts.slice(0, -1)) socket.write(part);
    socket.write(parts.at(-1)!, (error) => (error ? reject(error) : resolve()));
    socket.uncork();
  });
}

/**
 * At `rate` bytes a second, by a timetable, so that late timers are made up for. Resolves when the last byte was sent, to
 * the time when the connection has carried it.
 */
async function trickle(socket: Socket, lead: Uint8Array, parts: readonly Uint8Array[], rate: number) {
  const startedAt = performance.now();
  let freeAt = startedAt;
  let sent = 0;
  await send(socket, [lead]);
  for (const part of parts) {
    for (let at = 0; at < part.length; at += PIECE_BYTES) {
      await until(freeAt);
      const piece = part.subarray(at, at + PIECE_BYTES);
      await send(socket, [piece]);
      sent += piece.length;
      freeAt = startedAt + (sent / rate) * 1000;
    }
  }
  return freeAt;
}

const server = createServer(serve).listen(0, '127.0.0.1', () => {
  console.log(`port ${(server.address() as AddressInfo).port}`);
});
