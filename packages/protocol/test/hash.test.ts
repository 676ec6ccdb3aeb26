import { t } from 'tap';
import { negativeLog2, spread } from '../src/hash.js';
import { seeded } from './support/random.js';

t.test('close to the logarithm, and falling, over all of its range', async (t) => {
  const random = seeded(1);
  let worst = 0;
  for (let i = 0; i < 200_000; i++) {
    // Every magnitude as often.
    const u = Math.floor(2 ** (32 * random()));
    const error = Math.abs(negativeLog2(u) - -Math.log2((u + 0.5) / 2 ** 32));
    worst = Math.max(worst, u === 0 ? 0 : error);
    if (u < 0xffff_ffff && !(negativeLog2(u) > negativeLog2(u + 1))) t.fail(`does not fall at ${u}`);
  }
  t.ok(worst < 2e-7, `off by at most ${worst}`);
  t.ok(negativeLog2(0xffff_ffff) > 0, 'never 0: a weight must count');
});

t.test('golden values: every engine must have these bits', async (t) => {
  const values = [0, 1, 2, 3, 1000, 0x7fff_ffff, 0x8000_0000, 0xdead_beef, 0xffff_ffff].map(negativeLog2);
  const bits = Buffer.from(Float64Array.from(values).buffer).toString('hex');
  t.equal(
    bits,
    '00000000008040402a04c6e53f6a3f4092cbd01e96ad3e407a7f153051313e40bea8441993083640b91617000000f03f36dbd1ffffffef3fec8573f646c0c93f00000000b916e73d',
  );
  t.same(
    [0, 1, 2, 0xffff_ffff].map((v) => spread(v) >>> 0),
    [0, 1364076727, 821347078, 2180083513],
  );
});
