import { t } from 'tap';
import { isFuseMount } from '../src/leftover-mount.js';

t.test('FUSE mounts in /proc/self/mountinfo', async (t) => {
  const info = [
    '22 1 254:0 / / rw,relatime - ext4 /dev/root rw',
    '90 22 0:51 / /mnt/data rw,nosuid,nodev - fuse tidecache rw,user_id=0,group_id=0',
    '91 22 0:52 / /mnt/two\\040words ro shared:1 - fuse.tidecache tidecache rw',
    '92 22 0:53 / /mnt/tmp rw - tmpfs fuse rw',
    '93 22 0:54 / /mnt/control rw - fusectl fusectl rw',
    '',
  ].join('\n');
  t.ok(isFuseMount('/mnt/data', info));
  t.ok(isFuseMount('/mnt/two words', info));
  t.notOk(isFuseMount('/mnt/tmp', info), 'a name is no type');
  t.notOk(isFuseMount('/mnt/control', info));
  t.notOk(isFuseMount('/mnt', info));
  t.notOk(isFuseMount('/', info));
});
