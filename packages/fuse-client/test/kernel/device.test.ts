import { t } from 'tap';
import { openDevice } from '../../src/kernel/device.js';

t.throws(() => openDevice('/dev/no-fuse'), {
  code: 'NOT_FOUND',
  message: /cannot open \/dev\/no-fuse: ENOENT.*modprobe/,
});
