import { t } from 'tap';
import { findMount, parseMountinfo } from '../src/mountinfo.js';

t.test('the documented form', (t) => {
  const text = [
    '36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - ext3 /dev/root rw,errors=continue',
    '44 27 0:39 / /tmp/数据\\012x ro,nosuid - fuse.tidecache tidecache ro,user_id=0',
    'nonsense',
    '',
  ].join('\n');
  t.same(parseMountinfo(text), [
    { device: '98:0', mountPoint: '/mnt 2', type: 'ext3', source: '/dev/root' },
    { device: '0:39', mountPoint: '/tmp/数据\nx', type: 'fuse.tidecache', source: 'tidecache' },
  ]);
  t.end();
});

t.test('this process', { skip: process.platform === 'linux' ? false : 'not Linux' }, async (t) => {
  t.equal((await findMount('/proc'))?.type, 'proc');
  t.equal(await findMount('/no/such/mount'), undefined);
});
