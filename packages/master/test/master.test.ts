import { EventEmitter, once } from 'node:events';
import { decodeBody, HEARTBEAT_MS, OPCODES, RELEASE, TidecacheError } from '@tidecache/protocol';
import { call, createPeer, httpToken, type Peer } from '@tidecache/transport';
import { t } from 'tap';
import { type Master, type MasterInit, startMaster } from '../src/master.js';
import { MemoryOrigin } from './support/memory-origin.js';
import { tempDir } from './support/temp-dir.js';

const SECRET = 'a shared secret';
const LOOPBACK = { host: '127.0.0.1', port: 0 };
const IN_TIME = { deadlineMs: 10_000 };

async function start(
  t: { teardown(run: () => unknown): void },
  init: Partial<MasterInit> = {},
): Promise<Master> {
  const origin = new MemoryOrigin();
  const master = await startMaster({
    dataDir: init.dataDir ?? tempDir(t),
    listen: LOOPBACK,
    http: LOOPBACK,
    secret: SECRET,
    openOrigin: () => origin,
    ...init,
  });
  t.teardown(() => master.close());
  return master;
}

function peerOf(t: { teardown(run: () => unknown): void }, { rpc }: Master, secret = SECRET) {
  const pushes = new EventEmitter();
  const peer = createPeer({
    address: rpc,
    secret,
    name: 'test',
    events: {
      onPush(opcode, body) {
        for (const [name, { wire, request }] of Object.entries(OPCODES)) {
          if (wire === opcode && request) pushes.emit(name, decodeBody<unknown>(request, body, name));
        }
      },
    },
  });
  t.teardown(() => peer.close());
  return { peer, pushes };
}

async function addDataset({ http }: Master, path: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${http.port}/v1/datasets`, {
    method: 'POST',
    headers: { authorization: `Bearer ${httpToken(SECRET)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ path, uri: 's3://bucket', metadata: { ttlMs: 60_000 } }),
  });
  if (response.status !== 201) throw new Error(await response.text());
}

async function removeDataset({ http }: Master, path: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${http.port}/v1/datasets/${encodeURIComponent(path)}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${httpToken(SECRET)}` },
  });
  if (response.status !== 200) throw new Error(await response.text());
}

async function walk(peer: Peer, path: string) {
  let ino = 1;
  for (const name of path.split('/').filter((part) => part !== '')) {
    ino = (await call(peer, 'LOOKUP', { parent: ino, name }, IN_TIME)).inode.ino;
  }
  return ino;
}

const attach = { name: 'test', release: RELEASE };

t.test('a client over a real connection: attach, walk, list, open, and be told', async (t) => {
  const origin = new MemoryOrigin();
  origin.put('x/f.csv');
  const master = await start(t, { openOrigin: () => origin });
  const { peer, pushes } = peerOf(t, master);
  const attached = await call(peer, 'ATTACH', attach, IN_TIME);
  t.same(attached.ring, { epoch: 0, members: [] });
  const told = once(pushes, 'DATASETS');
  await addDataset(master, '/data');
  t.match(await told, [{ generation: 1, datasets: [{ path: '/data' }] }]);
  const ino = await walk(peer, '/data/x/f.csv');
  const { inode } = await call(peer, 'OPEN', { ino }, IN_TIME);
  t.match(inode, { kind: 'file', key: 'x/f.csv', version: 'v1' });
  t.same((await call(peer, 'GETATTR', { ino }, IN_TIME)).inode, inode);
  const x = await walk(peer, '/data/x');
  const listed = await call(peer, 'READDIR', { ino: x, after: '', limit: 10 }, IN_TIME);
  t.same(listed.entries[0]?.inode, inode);
  t.equal(listed.next, undefined);
  await t.rejects(call(peer, 'LOOKUP', { parent: x, name: 'no' }, IN_TIME), { code: 'NOT_FOUND' });
  origin.put('x/f.csv', 'v2');
  const changed = once(pushes, 'INVALIDATE');
  await call(peer, 'STALE', { ino }, IN_TIME);
  t.same(await changed, [{ entries: [{ parent: x, name: 'f.csv' }], inodes: [ino] }]);
  const gone = once(pushes, 'INVALIDATE');
  await removeDataset(master, '/data');
  t.match(await gone, [{ entries: [{ parent: 1, name: 'data' }] }]);
});

t.test('a worker registers, beats, is on the ring, and its silence is noticed when it goes', async (t) => {
  const master = await start(t);
  const client = peerOf(t, master);
  await call(client.peer, 'ATTACH', attach, IN_TIME);
  const worker = peerOf(t, master);
  const member = { id: 'w', host: '127.0.0.1', port: 9, hostId: 'h', weight: 1 };
  const joined = once(client.pushes, 'RING');
  const known = once(worker.pushes, 'RING');
  const registered = await call(
    worker.peer,
    'REGISTER',
    { member, release: RELEASE, clockMs: Date.now(), memoryBytes: 1 },
    IN_TIME,
  );
  t.equal(registered.heartbeatMs, HEARTBEAT_MS);
  t.same(await joined, [{ epoch: 1, members: [member] }]);
  t.same(
    await known,
    [{ epoch: 1, members: [member] }],
    'a worker too: it copies hot blocks from their owners',
  );
  const told = once(worker.pushes, 'DATASETS');
  await addDataset(master, '/d');
  await told;
  const stats = {
    usedBytes: 0,
    blocks: 0,
    hits: 0,
    misses: 0,
    servedBytes: 0,
    filledBytes: 0,
    copiedBytes: 0,
    evictions: 0,
    busy: 0,
    corrupt: 0,
  };
  const beat = await call(worker.peer, 'HEARTBEAT', { workerId: 'w', stats }, IN_TIME);
  t.same(beat, { epoch: 1, generation: 1 });
  await t.rejects(call(worker.peer, 'HEARTBEAT', { workerId: 'other', stats }, IN_TIME), {
    code: 'NOT_FOUND',
  });
  const left = once(client.pushes, 'RING');
  await worker.peer.close();
  t.same(await left, [{ epoch: 2, members: [] }]);
});

t.test('a restart keeps inode numbers, and serves what is known with the origin away', async (t) => {
  const dataDir = tempDir(t);
  const origin = new MemoryOrigin();
  origin.put('f');
  const first = await start(t, { dataDir, openOrigin: () => origin });
  await addDataset(first, '/data');
  const before = peerOf(t, first);
  const ino = await walk(before.peer, '/data/f');
  const { clusterId } = await call(before.peer, 'ATTACH', attach, IN_TIME);
  await before.peer.close();
  await first.close();
  origin.failure = new TidecacheError('UNREACHABLE', 'the origin is away');
  const second = await start(t, { dataDir, openOrigin: () => origin });
  const { peer } = peerOf(t, second);
  t.equal((await call(peer, 'ATTACH', attach, IN_TIME)).clusterId, clusterId);
  t.equal(await walk(peer, '/data/f'), ino);
  t.equal((await call(peer, 'OPEN', { ino }, IN_TIME)).inode.key, 'f');
});

t.test('a restart leaves the ring as it is', async (t) => {
  const dataDir = tempDir(t);
  const first = await start(t, { dataDir });
  const member = { id: 'w', host: '127.0.0.1', port: 9, hostId: 'h', weight: 1 };
  const registration = () => ({ member, release: RELEASE, clockMs: Date.now(), memoryBytes: 1 });
  const before = peerOf(t, first);
  await call(before.peer, 'REGISTER', registration(), IN_TIME);
  // The worker is still connected: that its connection ends now is the master's doing.
  await first.close();
  const second = await start(t, { dataDir });
  const { peer } = peerOf(t, second);
  const { ring } = await call(peer, 'ATTACH', attach, IN_TIME);
  t.same(ring, { epoch: 1, members: [member] });
  await call(peer, 'REGISTER', registration(), IN_TIME);
  t.same((await call(peer, 'ATTACH', attach, IN_TIME)).ring, ring);
});

t.test('what keeps a master from starting is named, and leaves nothing open', async (t) => {
  const first = await start(t);
  const dataDir = tempDir(t);
  await t.rejects(start(t, { dataDir, http: first.http }), {
    code: 'INVALID',
    message: new RegExp(`HTTP on 127\\.0\\.0\\.1:${first.http.port}.*in use.*another`),
  });
  await t.rejects(start(t, { dataDir, listen: first.rpc }), {
    code: 'INVALID',
    message: new RegExp(`127\\.0\\.0\\.1:${first.rpc.port}.*in use`),
  });
  const second = await start(t, { dataDir });
  await t.rejects(start(t, { dataDir }), { code: 'ALREADY_EXISTS', message: /another master/ });
  await second.close();
  await second.close();
});

t.test('a wrong secret or another release is refused', async (t) => {
  const master = await start(t);
  const { peer } = peerOf(t, master, 'wrong');
  await t.rejects(call(peer, 'ATTACH', attach, IN_TIME), { code: 'ACCESS_DENIED' });
  const other = peerOf(t, master);
  await t.rejects(call(other.peer, 'ATTACH', { name: 'old', release: '0.0.9' }, IN_TIME), {
    code: 'INVALID',
    message: /old runs release 0\.0\.9/,
  });
});
