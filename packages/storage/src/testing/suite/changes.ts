/** Writing, deleting, copying, renaming. */
import type { Scenarios } from './scenario.js';
import { bytesOf, CALL, keysOf, listAll, readAll, rejectsWith } from './tools.js';

export const changes: Scenarios = {
  async 'writes whole or not at all'({ t, origin }) {
    const before = await origin.write('kept', bytesOf(1000, 1), CALL);
    const broken = async function* () {
      yield bytesOf(500, 2);
      throw new Error('the source broke');
    };
    await rejectsWith(t, origin.write('kept', broken(), CALL), 'INVALID', 'a body that breaks');
    const brokenLate = async function* () {
      for (let i = 0; i < 3; i++) yield bytesOf(8 * 1024 * 1024, i + 1);
      throw new Error('the source broke');
    };
    await rejectsWith(
      t,
      origin.write('kept', brokenLate(), CALL),
      'INVALID',
      'one that breaks after some parts',
    );
    const short = async function* () {
      yield bytesOf(10, 2);
    };
    await rejectsWith(t, origin.write('kept', short(), { ...CALL, size: 11 }), 'INVALID', 'too few bytes');
    await rejectsWith(t, origin.write('new', short(), { ...CALL, size: 9 }), 'INVALID', 'too many bytes');
    t.ok((await readAll(origin, before)).equals(bytesOf(1000, 1)), 'the old file is as it was');
    t.same(keysOf((await listAll(origin, '', { recursive: true })).items), ['kept'], 'nothing else is there');
  },

  async 'writes a file of unknown size'({ t, origin }) {
    const body = async function* () {
      yield Buffer.alloc(0);
      yield bytesOf(10, 1);
      yield bytesOf(7, 2);
    };
    const info = await origin.write('unknown', body(), CALL);
    t.ok((await readAll(origin, info)).equals(Buffer.concat([bytesOf(10, 1), bytesOf(7, 2)])));
    const nothing = async function* (): AsyncGenerator<Uint8Array> {};
    t.equal((await origin.write('empty', nothing(), CALL)).size, 0);
  },

  async 'creates only what is absent, when asked'({ t, origin, lacks }) {
    const first = await origin.write('once', bytesOf(10, 1), { ...CALL, ifAbsent: true });
    await rejectsWith(
      t,
      origin.write('once', bytesOf(10, 2), { ...CALL, ifAbsent: true }),
      'ALREADY_EXISTS',
      'again',
    );
    t.ok((await readAll(origin, first)).equals(bytesOf(10, 1)));
    if (lacks.conditionalPut) return;
    const racers = Array.from({ length: 4 }, (_, i) =>
      origin.write('race', bytesOf(10, i + 10), { ...CALL, ifAbsent: true }).then(
        () => i,
        (error: { code?: string }) => error.code,
      ),
    );
    const outcomes = await Promise.all(racers);
    const winners = outcomes.filter((outcome) => typeof outcome === 'number');
    t.equal(winners.length, 1, `one of ${outcomes} wins`);
    t.equal(outcomes.filter((outcome) => outcome === 'ALREADY_EXISTS').length, 3);
    const info = await origin.stat('race', CALL);
    t.ok((await readAll(origin, info)).equals(bytesOf(10, Number(winners[0]) + 10)), 'its bytes are there');
  },

  async 'deletes, also what is not there'({ t, origin }) {
    await origin.write('d/gone', bytesOf(1, 1), CALL);
    await origin.write('d/stays', bytesOf(1, 1), CALL);
    await t.resolves(origin.delete('d/gone', CALL));
    await t.resolves(origin.delete('d/gone', CALL));
    await t.resolves(origin.delete('never/was', CALL));
    t.equal(await origin.lookup('d/gone', CALL), undefined);
    t.same(keysOf((await listAll(origin, 'd/')).items), ['d/stays']);
  },

  async 'copies and renames'({ t, origin }) {
    const bytes = bytesOf(100_000, 9);
    await origin.write('from here/ä+b', bytes, CALL);
    const copied = await origin.copy('from here/ä+b', 'to/there', CALL);
    t.equal(copied.key, 'to/there');
    t.ok((await readAll(origin, copied)).equals(bytes));
    const moved = await origin.rename('to/there', 'else/where %', CALL);
    t.ok((await readAll(origin, moved)).equals(bytes));
    t.equal(await origin.lookup('to/there', CALL), undefined);
    await origin.write('target', bytesOf(5, 1), CALL);
    const over = await origin.rename('else/where %', 'target', CALL);
    t.ok((await readAll(origin, over)).equals(bytes), 'over another file');
    await origin.rename('target', 'target', CALL);
    t.ok((await origin.lookup('target', CALL)) !== undefined, 'onto itself');
    await rejectsWith(t, origin.copy('nothing', 'x', CALL), 'NOT_FOUND', 'copy of nothing');
    await rejectsWith(t, origin.rename('nothing', 'x', CALL), 'NOT_FOUND', 'rename of nothing');
    t.same(keysOf((await listAll(origin, '', { recursive: true })).items), ['from here/ä+b', 'target']);
  },
};
