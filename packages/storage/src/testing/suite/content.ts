/** Bytes come back as they went in, from any range, of one version. */
import { createHash } from 'node:crypto';
import type { Scenarios } from './scenario.js';
import { bytesOf, CALL, randomOf, readAll, readRange, rejectsWith } from './tools.js';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

export const content: Scenarios = {
  async 'is there'({ t, origin }) {
    await t.resolves(origin.check(CALL));
    t.same(await origin.lookup('', CALL), { kind: 'directory', key: '' });
  },

  async 'keeps files of every size'({ t, origin }) {
    for (const size of [0, 1, 4095, 4096, 4097, 256 * 1024 + 1]) {
      const bytes = bytesOf(size, size);
      const info = await origin.write(`sizes/${size}`, bytes, CALL);
      t.equal(info.size, size);
      t.ok((await readAll(origin, info)).equals(bytes), `${size} bytes come back`);
    }
  },

  async 'keeps a large file, from a stream, in parts'({ t, origin }) {
    const bytes = bytesOf(20 * 1024 * 1024 + 3, 7);
    const chunks = async function* () {
      for (let at = 0; at < bytes.length; at += 1_000_003) yield bytes.subarray(at, at + 1_000_003);
    };
    const info = await origin.write('large', chunks(), { ...CALL, size: bytes.length });
    t.equal(info.size, bytes.length);
    t.equal(sha256(await readAll(origin, info)), sha256(bytes));
    const around = 8 * 1024 * 1024 - 5;
    t.ok(
      (await readRange(origin, info, around, 10)).equals(bytes.subarray(around, around + 10)),
      'across two parts',
    );
  },

  async 'reads ranges into place, and nothing beside it'({ t, origin }) {
    const bytes = bytesOf(3 * 1024 * 1024 + 17, 3);
    const info = await origin.write('ranges', bytes, CALL);
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 64)).fill(0xaa);
    const seed = 20_261_123;
    t.comment(`seed ${seed}`);
    const random = randomOf(seed);
    for (let i = 0; i < 20; i++) {
      const offset = Math.floor(random() * bytes.length);
      const length = Math.floor(random() * (bytes.length - offset)) + 1;
      shared.fill(0xaa);
      const into = shared.subarray(32, 32 + length);
      const progress: number[] = [];
      await origin.read('ranges', {
        ...CALL,
        version: info.version,
        offset,
        length,
        into,
        onProgress: (done) => void progress.push(done),
      });
      t.ok(bytes.subarray(offset, offset + length).equals(into), `${length} bytes at ${offset}`);
      t.ok(shared[31] === 0xaa && shared[32 + length] === 0xaa, 'the bytes around are untouched');
      t.equal(progress.at(-1), length);
      t.ok(
        progress.every((done, at) => at === 0 || done > (progress[at - 1] ?? 0)),
        'progress only grows',
      );
    }
    await t.resolves(
      origin.read('ranges', {
        ...CALL,
        version: info.version,
        offset: 5,
        length: 0,
        into: new Uint8Array(0),
      }),
    );
    const small = { ...CALL, version: info.version, offset: 0, length: 2, into: new Uint8Array(1) };
    await rejectsWith(t, origin.read('ranges', small), 'INVALID', 'a buffer that is too small');
  },

  async 'serves 16 readers at once'({ t, origin }) {
    const bytes = bytesOf(2 * 1024 * 1024, 5);
    const info = await origin.write('many', bytes, CALL);
    const piece = bytes.length / 16;
    const pieces = await Promise.all(
      Array.from({ length: 16 }, (_, i) => readRange(origin, info, i * piece, piece)),
    );
    t.ok(Buffer.concat(pieces).equals(bytes));
  },

  async 'tells the same facts everywhere'({ t, origin }) {
    const written = await origin.write('d/facts', bytesOf(100, 1), CALL);
    const stat = await origin.stat('d/facts', CALL);
    t.same(stat, written);
    t.same(await origin.lookup('d/facts', CALL), { kind: 'file', ...stat });
    t.same((await origin.list('d/', CALL)).items, [{ kind: 'file', ...stat }]);
    t.equal(stat.key, 'd/facts');
    t.ok(Math.abs(stat.mtimeMs - Date.now()) < 10 * 60_000, 'a recent time');
  },

  async 'pins reads to a version'({ t, origin }) {
    const old = await origin.write('pinned', bytesOf(5000, 1), CALL);
    const now = await origin.write('pinned', bytesOf(5000, 2), CALL);
    t.not(old.version, now.version);
    await rejectsWith(t, readAll(origin, old), 'STALE', 'the old version');
    t.ok((await readAll(origin, now)).equals(bytesOf(5000, 2)));
    const shorter = await origin.write('pinned', bytesOf(10, 3), CALL);
    await rejectsWith(t, readRange(origin, now, 4000, 1000), 'STALE', 'a range that is no more');
    await origin.delete('pinned', CALL);
    await rejectsWith(t, readAll(origin, shorter), 'STALE', 'a deleted object');
  },

  async 'never mixes two versions'({ t, origin }) {
    const size = 700_000;
    const versions = [Buffer.alloc(size, 1), Buffer.alloc(size, 2)];
    let info = await origin.write('turns', versions[0] ?? Buffer.alloc(0), CALL);
    let whole = 0;
    for (let i = 1; i <= 30; i++) {
      const into = Buffer.alloc(size);
      const reading = origin
        .read('turns', { ...CALL, version: info.version, offset: 0, length: size, into })
        .then(
          () => true,
          (error: { code?: string }) => {
            if (error.code !== 'STALE') throw error;
            return false;
          },
        );
      const [done, next] = await Promise.all([
        reading,
        origin.write('turns', versions[i % 2] ?? Buffer.alloc(0), CALL),
      ]);
      if (done) {
        whole++;
        if (!into.equals(versions[(i - 1) % 2] ?? Buffer.alloc(0)))
          t.fail(`trial ${i}: not the old bytes whole`);
      }
      info = next;
    }
    t.comment(`${whole} of 30 reads came before the write`);
    t.ok((await readAll(origin, info)).equals(versions[0] ?? Buffer.alloc(0)));
  },

  async 'gives up at the deadline and on a signal'({ t, origin }) {
    const info = await origin.write('late', bytesOf(10, 1), CALL);
    const into = new Uint8Array(10);
    const read = { version: info.version, offset: 0, length: 10, into };
    await rejectsWith(t, origin.read('late', { ...read, deadlineMs: 0 }), 'TIMEOUT', 'no time');
    await rejectsWith(t, origin.stat('late', { deadlineMs: 0 }), 'TIMEOUT', 'no time');
    const signal = AbortSignal.abort();
    await rejectsWith(t, origin.read('late', { ...CALL, ...read, signal }), 'CANCELLED', 'aborted before');
    await rejectsWith(t, origin.list('', { ...CALL, signal }), 'CANCELLED', 'aborted before');
  },
};
