import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { MiB, OPCODES, READ_WHOLE_BLOCK } from '@tidecache/protocol';
import { createPeer } from '@tidecache/transport';
import { t } from 'tap';
import { startFakeMaster } from './support/fake-master.js';
import { readBody, sourceOf } from './support/fixture.js';
import type { Usage, WorkerProcessInit } from './support/worker-process.js';

const SECRET = 'a secret of the tests';
const BUDGET = 256 * MiB;
const ALLOWED = BUDGET * 1.15 + 100e6;
const program = fileURLToPath(new URL('./support/worker-process.js', import.meta.url));

async function usageOf(child: ChildProcess): Promise<Usage> {
  child.send('usage');
  const [usage] = (await once(child, 'message')) as [Usage];
  return usage;
}

t.test('resident memory stays within the budget, 15 % and 100 MB', async (t) => {
  const master = await startFakeMaster({ secret: SECRET });
  t.teardown(() => master.close());
  const { host, port } = master;
  const init: WorkerProcessInit = { master: { host, port }, memoryBytes: BUDGET, secret: SECRET };
  // By way of `env`: the test runner's own loaders, which it gives to every child, would count as the worker's memory.
  const command = ['-u', 'NODE_OPTIONS', process.execPath, program, JSON.stringify(init)];
  const child = spawn('env', command, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  t.teardown(() => child.kill('SIGKILL'));
  const [first] = (await once(child, 'message')) as [Usage];
  t.ok(
    first.maxRssBytes < 150e6,
    `${Math.round(first.maxRssBytes / 1e6)} MB at start: memory is taken when it is used`,
  );

  const peer = createPeer({
    address: { host: '127.0.0.1', port: first.port },
    secret: SECRET,
    name: 'reader',
  });
  t.teardown(() => peer.close());
  const read = async (keys: number, size: number, step: number, lanes: number) => {
    let next = 0;
    const total = keys * Math.ceil(size / step);
    const perKey = Math.ceil(size / step);
    const lane = async () => {
      const into = Buffer.alloc(step);
      while (next < total) {
        const i = next++;
        const offset = (i % perKey) * step;
        const source = sourceOf(`s${size}-${Math.floor(i / perKey)}`, size);
        const length = Math.min(step, size - offset);
        const body = readBody(source, { offset, length, flags: READ_WHOLE_BLOCK });
        await peer.request(OPCODES.READ.wire, body, { deadlineMs: 20_000, into });
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  };

  await read((3 * BUDGET) / (4 * MiB), 4 * MiB, MiB, 8);
  const large = await usageOf(child);
  t.ok(large.usedBytes > BUDGET * 0.9, 'full');
  t.ok(
    large.maxRssBytes < ALLOWED,
    `${Math.round(large.maxRssBytes / 1e6)} MB after large files, 3 times over`,
  );
  await read(Math.ceil((1.5 * BUDGET) / 24_576), 23_000, 23_000, 64);
  const small = await usageOf(child);
  t.ok(small.evictions > 5_000, `${small.evictions} evictions`);
  t.ok(
    small.maxRssBytes < ALLOWED,
    `${Math.round(small.maxRssBytes / 1e6)} MB after small files, 1.5 times over`,
  );
});
