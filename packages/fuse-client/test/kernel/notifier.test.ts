import { inodeId } from '@tidecache/protocol';
import { t } from 'tap';
import { createNotifier } from '../../src/kernel/notifier.js';
import { MAX_PENDING_NOTIFICATIONS } from '../../src/limits.js';
import { SILENT } from '../../src/logger.js';

/** A kernel that takes each notification when told. */
function slowDevice() {
  const taken: Buffer[] = [];
  let next: () => void = () => {};
  return {
    taken,
    notify(message: Buffer) {
      taken.push(message);
      return new Promise<boolean>((resolve) => {
        next = () => resolve(true);
      });
    },
    async accept() {
      next();
      await new Promise(setImmediate);
    },
  };
}

t.test('one at a time, and equal ones once', async (t) => {
  const device = slowDevice();
  const notifier = createNotifier(device, SILENT);
  notifier.invalidateEntry(inodeId(1), 'a');
  notifier.invalidateEntry(inodeId(1), 'b');
  notifier.invalidateEntry(inodeId(1), 'b');
  notifier.invalidateInode(inodeId(1));
  notifier.invalidateEntry(inodeId(1), 'x/y');
  t.equal(device.taken.length, 1);
  for (let i = 0; i < 5; i++) await device.accept();
  t.same(
    device.taken.map((message) => message.readInt32LE(4)),
    [3, 3, 2],
  );
  notifier.invalidateEntry(inodeId(1), 'b');
  t.equal(device.taken.length, 4, 'the same again, later');
});

t.test('a full queue drops, and says so', async (t) => {
  const warnings: object[] = [];
  const device = slowDevice();
  const notifier = createNotifier(device, { ...SILENT, warn: (fields) => void warnings.push(fields) });
  for (let ino = 1; ino <= MAX_PENDING_NOTIFICATIONS + 11; ino++) notifier.invalidateInode(inodeId(ino));
  const drained = { ...device, notify: () => Promise.resolve(true) };
  device.notify = drained.notify;
  await device.accept();
  await new Promise(setImmediate);
  t.same(warnings, [{ dropped: 10 }], 'one is being sent, the queue is full, ten are too many');
});

t.test('a kernel that refuses is logged', async (t) => {
  const warnings: object[] = [];
  const logger = { ...SILENT, warn: (fields: object) => void warnings.push(fields) };
  const notifier = createNotifier({ notify: () => Promise.reject(new Error('EIO')) }, logger);
  notifier.invalidateInode(inodeId(1));
  await new Promise(setImmediate);
  t.same(warnings, [{ error: 'Error: EIO' }]);
});
