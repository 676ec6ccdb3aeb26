import { t } from 'tap';
import { negotiate } from '../../src/kernel/negotiate.js';
import { INIT } from '../../src/kernel/wire.js';

const kernel = { major: 7, minor: 45, maxReadahead: 131072, flags: -1 };

t.test('takes what both have', (t) => {
  const answer = negotiate(kernel);
  t.equal(answer.minor, 38);
  t.ok(answer.flags & INIT.MAX_PAGES && answer.flags & INIT.DO_READDIRPLUS);
  t.notOk(answer.flags & INIT.READDIRPLUS_AUTO, 'attributes come with every listing');
  t.equal(negotiate({ ...kernel, minor: 33 }).minor, 33);
  t.equal(negotiate({ ...kernel, flags: INIT.ASYNC_READ }).flags, INIT.ASYNC_READ);
  t.end();
});

t.test('an old kernel', (t) => {
  t.throws(() => negotiate({ ...kernel, minor: 27 }), { code: 'UNSUPPORTED', message: /7\.27.*7\.31/ });
  t.throws(() => negotiate({ ...kernel, major: 8 }), { code: 'UNSUPPORTED' });
  t.end();
});
